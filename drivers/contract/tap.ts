import { KuasarError } from "../../lib/errors/mod.ts";
import { closeFd, findInterface, isErrno, openTapQueue, withNetns } from "../../lib/libc/mod.ts";

/** A tap that waits in a network namespace. */
export interface Tap {
  tap: string;
  netnsPath: string;
  /** Queue pairs, at least 1. */
  queues: number;
}

/** A name has 16 bytes, one of them a zero. */
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
    findInterface(tap.tap);
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

function openQueue(name: string, multiQueue: boolean): number {
  try {
    return openTapQueue(name, multiQueue);
  } catch (error) {
    // A tap made with several queues wants the flag also from one who opens a single one.
    if (multiQueue || !isErrno(error, "EINVAL")) throw error;
    return openTapQueue(name, true);
  }
}
