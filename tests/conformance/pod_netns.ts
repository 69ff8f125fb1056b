import { EmptyNetns } from "../../drivers/contract/empty_netns.ts";
import { ioctl, ioctlValue, OPEN, openFd, withFd, withNetns } from "../../lib/libc/mod.ts";

const TUNSETIFF = 0x400454ca;
const TUNSETPERSIST = 0x400454cb;
const IFF_TAP = 0x0002;
const IFF_MULTI_QUEUE = 0x0100;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;

/** A network namespace with taps, as the network service would leave it for a driver. */
export class PodNetns {
  readonly #netns = new EmptyNetns();

  /** A path that other processes can open as well. */
  get path(): string {
    return this.#netns.path.replace("self", String(Deno.pid));
  }

  /** Makes a persistent tap. */
  addTap(name: string, queues: number): void {
    const request = new Uint8Array(40);
    request.set(new TextEncoder().encode(name));
    const flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (queues > 1 ? IFF_MULTI_QUEUE : 0);
    new DataView(request.buffer).setInt16(16, flags, true);
    withNetns(this.path, () =>
      withFd(openFd("/dev/net/tun", OPEN.RDWR), (fd) => {
        ioctl(fd, TUNSETIFF, request);
        ioctlValue(fd, TUNSETPERSIST, 1);
      }));
  }

  /** Gives a tap an address and brings it up. */
  addAddress(name: string, address: string): void {
    const ip = (...args: string[]) => {
      const enter = [`--net=${this.path}`, "ip", ...args];
      const { success, stderr } = new Deno.Command("nsenter", { args: enter }).outputSync();
      if (!success) throw new Error(new TextDecoder().decode(stderr));
    };
    ip("address", "add", address, "dev", name);
    ip("link", "set", name, "up");
  }

  /** Lets it go, and with it the taps. */
  close(): void {
    this.#netns.close();
  }
}

/** The taps behind the descriptors of a process, one name for each descriptor. */
export function tapsOf(pid: number): string[] {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].flatMap(({ name }) => {
    try {
      if (Deno.readLinkSync(`/proc/${pid}/fd/${name}`) !== "/dev/net/tun") return [];
      return /^iff:\s*(\S*)/m.exec(Deno.readTextFileSync(`/proc/${pid}/fdinfo/${name}`))?.[1] ?? "";
    } catch {
      // Closed meanwhile.
      return [];
    }
  });
}
