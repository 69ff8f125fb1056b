import { KuasarError } from "../../lib/errors/mod.ts";
import {
  AF,
  closeFd,
  ioctl,
  isErrno,
  OPEN,
  openFd,
  openSocket,
  SOCK,
  withFd,
  withNetns,
} from "../../lib/libc/mod.ts";

/** A tap that waits in a network namespace. */
export interface Tap {
  tap: string;
  netnsPath: string;
  /** Queue pairs, at least 1. */
  queues: number;
}

const SIOCGIFINDEX = 0x8933;
const TUNSETIFF = 0x400454ca;
const IFF_TAP = 0x0002;
const IFF_MULTI_QUEUE = 0x0100;
const IFF_NO_PI = 0x1000;
// Only the VMM asks for offloads; the header must be there for it to do so.
const IFF_VNET_HDR = 0x4000;

/** sizeof(struct ifreq); the name has 16 bytes, one of them a zero. */
const IFREQ_SIZE = 40;
const MAX_NAME_BYTES = 15;

/** More queues than this no guest of ours has vCPUs for. */
const MAX_QUEUES = 64;

/**
 * Opens the queues of a tap by its name, in the namespace where it is. The process comes back to its own
 * namespace before this returns.
 *
 * @returns one fd per queue pair, with close-on-exec; the caller closes them
 * @throws {KuasarError} NOT_FOUND where the namespace or the tap does not exist: a missing one is never made
 */
export function openTap(tap: Tap): number[] {
  const queues = Math.max(1, tap.queues);
  if (!/^[^\s/\0]+$/.test(tap.tap) || new TextEncoder().encode(tap.tap).length > MAX_NAME_BYTES) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot open the tap ${JSON.stringify(tap.tap)}: no interface name`,
    );
  }
  if (queues > MAX_QUEUES) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot open the tap ${tap.tap}: ${queues} queues are asked for, the limit is ${MAX_QUEUES}`,
    );
  }
  if (!tap.netnsPath) {
    throw new KuasarError("INVALID_ARGUMENT", `Cannot open the tap ${tap.tap}: it has no network namespace`);
  }
  return withNetns(tap.netnsPath, () => {
    // TUNSETIFF makes what it does not find, which would hide a mistake of the network service.
    requireInterface(tap.tap);
    const fds: number[] = [];
    try {
      for (let i = 0; i < queues; i++) fds.push(openQueue(tap.tap, queues > 1));
      return fds;
    } catch (error) {
      fds.forEach(closeFd);
      throw error;
    }
  });
}

function requireInterface(name: string): void {
  withFd(
    openSocket(AF.INET, SOCK.DGRAM),
    (fd) => ioctl(fd, SIOCGIFINDEX, ifreq(name, 0), `find the tap ${name}`),
  );
}

function openQueue(name: string, multiQueue: boolean): number {
  const fd = openFd("/dev/net/tun", OPEN.RDWR | OPEN.NONBLOCK);
  const base = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  try {
    try {
      attach(fd, name, base | (multiQueue ? IFF_MULTI_QUEUE : 0));
    } catch (error) {
      // A tap made with several queues wants the flag also from one who opens a single one.
      if (multiQueue || !isErrno(error, "EINVAL")) throw error;
      attach(fd, name, base | IFF_MULTI_QUEUE);
    }
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

function attach(fd: number, name: string, flags: number): void {
  ioctl(fd, TUNSETIFF, ifreq(name, flags), `open a queue of the tap ${name}`);
}

function ifreq(name: string, flags: number): Uint8Array<ArrayBuffer> {
  const request = new Uint8Array(IFREQ_SIZE);
  request.set(new TextEncoder().encode(name));
  new DataView(request.buffer).setInt16(16, flags, true);
  return request;
}
