import {
  isErrno,
  keepTap,
  OPEN,
  openFd,
  openTapQueue,
  withFd,
  withNetns,
  writeFd,
} from "../../lib/libc/mod.ts";
import { deleteLink, type Link, listLinks, type Netlink, setLink } from "../../lib/netlink/mod.ts";

/** Our taps are named after the index of the link that they stand for, as Kuasar's. */
export const TAP_PREFIX = "tap_kua_";

/** The kernel's largest MTU of a tap: 65535 less an Ethernet header. */
export const MAX_TAP_MTU = 65521;

/** A tap to make. */
export interface TapOptions {
  name: string;
  netnsPath: string;
  mtu: number;
  /** More than one makes it a multi-queue tap, which is then opened once per queue. */
  queues: number;
}

/** The name of the tap of a link: `tap_kua_7`. */
export function tapName(linkIndex: number): string {
  return `${TAP_PREFIX}${linkIndex}`;
}

/**
 * Makes a persistent tap, or takes the one that is there, with the right MTU and up.
 *
 * @param netlink a socket in the same namespace
 * @returns the tap as a link
 * @throws {Errno}
 */
export function ensureTap(netlink: Netlink, { name, netnsPath, mtu, queues }: TapOptions): Link {
  let tap = findLink(netlink, name);
  if (tap === undefined) {
    withNetns(netnsPath, () => {
      withFd(openTapQueue(name, queues > 1), (fd) => keepTap(fd, name));
      silenceIpv6(name);
    });
    tap = findLink(netlink, name)!;
  }
  setLink(netlink, tap.index, { mtu, up: true });
  return { ...tap, mtu };
}

/** Removes a tap, also while a VMM has it open. Idempotent. @throws {Errno} */
export function removeTap(netlink: Netlink, name: string): void {
  const tap = findLink(netlink, name);
  if (tap === undefined) return;
  try {
    deleteLink(netlink, tap.index);
  } catch (error) {
    if (!isErrno(error, "ENODEV")) throw error;
  }
}

function findLink(netlink: Netlink, name: string): Link | undefined {
  return listLinks(netlink).find((link) => link.name === name);
}

/**
 * Keeps the host's stack from sending on the tap (router solicitations, multicast reports): the guest is to see
 * the pod's link only. Runs inside the namespace, whose /proc/sys/net it is then.
 */
function silenceIpv6(name: string): void {
  try {
    const path = `/proc/sys/net/ipv6/conf/${name}/disable_ipv6`;
    withFd(openFd(path, OPEN.WRONLY), (fd) => writeFd(fd, new TextEncoder().encode("1")));
  } catch (error) {
    // No IPv6 in this kernel, or a read-only /proc/sys: then there is a little noise on the tap.
    if (!isErrno(error, "ENOENT", "EROFS", "EACCES")) throw error;
  }
}
