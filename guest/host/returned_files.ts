import * as sys from "../native/sys.js";
import { within } from "../runtime/deadline.ts";
import { FdStream } from "../runtime/fd_stream.ts";
import { log } from "../runtime/log.ts";
import type { HostContainer } from "./container.ts";

/** A guest sends no more of a file. */
const MAX_BYTES = 16 << 10;
/** For each file; containerd gives a Delete 10 s. */
const TIMEOUT_MS = 3_000;

/** Reads what a guest sends to the end of `fd`, which is closed then. @throws KuasarError DEADLINE_EXCEEDED */
export async function readReturned(fd: number): Promise<Uint8Array> {
  const stream = new FdStream(fd);
  const bytes = new Uint8Array(MAX_BYTES);
  const read = async () => {
    let length = 0;
    for (let part; length < MAX_BYTES && (part = await stream.read());) {
      const some = part.subarray(0, MAX_BYTES - length);
      bytes.set(some, length);
      length += some.length;
    }
    return bytes.subarray(0, length);
  };
  try {
    return await within(TIMEOUT_MS, "read a file of the guest", read());
  } finally {
    stream.close();
  }
}

/**
 * Writes what a container has written to its copies of files of the host into these files, before the copies go. What cannot be had
 * is lost, as it would be with the machine: no container stays for it.
 */
export async function returnFiles({ record: { id, returned }, link }: HostContainer): Promise<void> {
  if (!link.readFile || link.dead || link.silent) return;
  for (const { volume, hostPath } of returned ?? []) {
    try {
      const bytes = await within(TIMEOUT_MS, "get a file of the guest", link.readFile(id, volume));
      const fd = sys.open(hostPath, sys.O.WRONLY | sys.O.NOFOLLOW | sys.O.NONBLOCK);
      try {
        // Never what has been put in the file's place.
        if (sys.fstat(fd).type !== "file") continue;
        sys.truncate(fd, 0);
        sys.write(fd, bytes);
      } finally {
        sys.close(fd);
      }
    } catch (error) {
      log.warn("cannot copy a file back to the host", { container: id, path: hostPath, error });
    }
  }
}
