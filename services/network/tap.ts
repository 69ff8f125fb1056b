import {
  type Bytes,
  closeFd,
  ioctl,
  ioctlValue,
  isErrno,
  OPEN,
  openFd,
  withFd,
  withNetns,
  writeFd,
} from "../../lib/libc/mod.ts";
import { deleteLink, type Link, listLinks, type Netlink, setLink } from "../../lib/netlink/mod.ts";

/** Our taps are named after the index of the link that they stand for, as Kuasar's. */
export const TAP_PREFIX = "tap_kua_";

/** Flags of a tap (linux/if_tun.h). */
const TAP_FLAGS = { TAP: 0x0002, MULTI_QUEUE: 0x0100, NO_PI: 0x1000, VNET_HDR: 0x4000 } as const;

/** The kernel's largest MTU of a tap: 65535 less an Ethernet header. */
export const MAX_TAP_MTU = 65521;

const TUNSETIFF = 0x400454ca;
const TUNSETPERSIST = 0x400454cb;
const IFREQ_SIZE = 40;
const IFREQ_FLAGS_OFFSET = 16;

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
 * Opens a queue of a tap in the current network namespace; makes the tap when it is missing.
 *
 * @returns a descriptor for the caller to close
 * @throws {Errno} EBUSY when a single-queue tap is open elsewhere, EINVAL when it was made with other queues
 */
export function openTap(name: string, queues: number): number {
  const fd = openFd("/dev/net/tun", OPEN.RDWR | OPEN.NONBLOCK);
  try {
    const request: Bytes = new Uint8Array(IFREQ_SIZE);
    request.set(new TextEncoder().encode(name));
    const flags = TAP_FLAGS.TAP | TAP_FLAGS.NO_PI | TAP_FLAGS.VNET_HDR |
      (queues > 1 ? TAP_FLAGS.MULTI_QUEUE : 0);
    new DataView(request.buffer).setUint16(IFREQ_FLAGS_OFFSET, flags, true);
    ioctl(fd, TUNSETIFF, request, `open the tap ${name}`);
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
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
      withFd(openTap(name, queues), (fd) => ioctlValue(fd, TUNSETPERSIST, 1, `keep the tap ${name}`));
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
