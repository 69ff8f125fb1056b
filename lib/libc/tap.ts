import { closeFd, ioctl, ioctlValue, OPEN, openFd, withFd } from "./files.ts";
import type { Bytes } from "./memory.ts";
import { AF, openSocket, SOCK } from "./sockets.ts";

/** Flags of a tap (linux/if_tun.h). Only a VMM asks for offloads; the header must be there for it to do so. */
const IFF = { TAP: 0x0002, MULTI_QUEUE: 0x0100, NO_PI: 0x1000, VNET_HDR: 0x4000 } as const;

const TUNSETIFF = 0x400454ca;
const TUNSETPERSIST = 0x400454cb;
const SIOCGIFINDEX = 0x8933;

/** sizeof(struct ifreq); the name comes first and has 16 bytes, one of them a zero. */
const IFREQ_SIZE = 40;
const FLAGS_OFFSET = 16;

/**
 * Opens a queue of a tap in the current network namespace; makes the tap when it is missing.
 *
 * @param multiQueue whether the tap is one that may be opened once per queue
 * @returns a descriptor for the caller to close
 * @throws {Errno} EBUSY when a single-queue tap is open elsewhere, EINVAL when it was made of the other sort
 */
export function openTapQueue(name: string, multiQueue: boolean): number {
  const fd = openFd("/dev/net/tun", OPEN.RDWR | OPEN.NONBLOCK);
  try {
    const flags = IFF.TAP | IFF.NO_PI | IFF.VNET_HDR | (multiQueue ? IFF.MULTI_QUEUE : 0);
    ioctl(fd, TUNSETIFF, ifreq(name, flags), `open a queue of the tap ${name}`);
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

/** Has a tap outlive its descriptors. @param fd of one of its queues @throws {Errno} */
export function keepTap(fd: number, name: string): void {
  ioctlValue(fd, TUNSETPERSIST, 1, `keep the tap ${name}`);
}

/** Looks for a network interface in the current namespace. @throws {Errno} ENODEV where there is none */
export function findInterface(name: string): void {
  withFd(
    // Any socket asks about interfaces; a driver under systemd may open none of the internet's.
    openSocket(AF.UNIX, SOCK.DGRAM),
    (fd) => ioctl(fd, SIOCGIFINDEX, ifreq(name, 0), `find the interface ${name}`),
  );
}

function ifreq(name: string, flags: number): Bytes {
  const request: Bytes = new Uint8Array(IFREQ_SIZE);
  request.set(new TextEncoder().encode(name));
  new DataView(request.buffer).setUint16(FLAGS_OFFSET, flags, true);
  return request;
}
