import { pinNewNetns, unpinNetns } from "../../lib/libc/mod.ts";
import { NetlinkSocket } from "../../lib/netlink/deno_socket.ts";
import { IFF, listLinks, setLink } from "../../lib/netlink/mod.ts";

/** Where the network namespace of a sandbox is that brings none and wants one of its own. */
export function ownNetnsPath(runDir: string, sandboxId: string): string {
  return `${runDir}/sandboxer/netns/${sandboxId}`;
}

/**
 * Makes a network namespace with nothing in it but a loopback that is up; one that an earlier attempt left is replaced.
 *
 * @throws {Errno}
 */
export function makeOwnNetns(path: string): void {
  Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true, mode: 0o700 });
  removeOwnNetns(path);
  pinNewNetns(path);
  using netlink = new NetlinkSocket({ netns: path });
  for (const { index, flags } of listLinks(netlink)) {
    if (flags & IFF.LOOPBACK) setLink(netlink, index, { up: true });
  }
}

/** Removes it; nothing to do where there is none. @throws {Errno} */
export function removeOwnNetns(path: string): void {
  try {
    Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  unpinNetns(path);
}
