import { closeFd, OPEN, openFd } from "../../lib/libc/mod.ts";

const F_OFD_SETLK = 37;
const F_RDLCK = 0;
const F_WRLCK = 1;
/** sizeof(struct flock) on 64-bit Linux. */
const FLOCK_SIZE = 32;

const libc = Deno.dlopen("libc.so.6", {
  fcntl: { parameters: ["i32", "i32", "buffer"], result: "i32" },
});

/**
 * Locks a whole file for as long as the descriptor is open, against other open descriptions and not against processes.
 *
 * @param write alone, else together with others that only read
 * @returns the descriptor that holds the lock; undefined where somebody else's forbids it
 * @throws {Errno} where the file cannot be opened
 */
export function lockFile(path: string, write: boolean): number | undefined {
  const fd = openFd(path, write ? OPEN.RDWR : OPEN.RDONLY);
  const flock = new Uint8Array(FLOCK_SIZE);
  new DataView(flock.buffer).setInt16(0, write ? F_WRLCK : F_RDLCK, true);
  if (libc.symbols.fcntl(fd, F_OFD_SETLK, flock) === 0) return fd;
  closeFd(fd);
  return undefined;
}
