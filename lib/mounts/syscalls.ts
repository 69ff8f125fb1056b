/**
 * The newer system calls of the mount API, through `syscall(2)`: the C libraries of the systems we run on have
 * no functions for them. The numbers of the newer ones are the same on every architecture.
 */
import { addressOf, type Bytes, check, closeFd, cString, Errno, OPEN, UMOUNT, unmount } from "../libc/mod.ts";

const NR_PIVOT_ROOT = Deno.build.arch === "aarch64" ? 41n : 155n;
const NR_OPEN_TREE = 428n;
const NR_MOVE_MOUNT = 429n;
const NR_OPENAT2 = 437n;
const NR_MOUNT_SETATTR = 442n;

const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const AT_RECURSIVE = 0x8000;
const OPEN_TREE_CLONE = 1;
const MOVE_MOUNT_F_EMPTY_PATH = 0x04;
const MOVE_MOUNT_T_EMPTY_PATH = 0x40;

/** Bits of `resolve` of openat2(2). */
export const RESOLVE = { noMagicLinks: 0x02, noSymlinks: 0x04, beneath: 0x08, inRoot: 0x10 } as const;

/** Attributes of a mount, as mount_setattr(2) takes them. */
export const MOUNT_ATTR = { readOnly: 0x1, nosuid: 0x2, nodev: 0x4, noexec: 0x8 } as const;
/** Propagation of a mount, as mount_setattr(2) takes it. */
export const PROPAGATION = {
  unbindable: 1n << 17n,
  private: 1n << 18n,
  slave: 1n << 19n,
  shared: 1n << 20n,
} as const;

/** lib/libc's `syscall` takes four arguments; two of these calls need five. */
function openLibrary() {
  const parameters = ["i64", "i64", "i64", "i64", "i64", "i64"] as const;
  return Deno.dlopen("libc.so.6", { syscall: { parameters, result: "i64" } }).symbols;
}
let library: ReturnType<typeof openLibrary> | undefined;

/** Calls with up to five arguments; a buffer is passed by its address and lives until the call is over. */
function call(nr: bigint, args: (number | Bytes)[]): bigint {
  library ??= openLibrary();
  const [a = 0n, b = 0n, c = 0n, d = 0n, e = 0n] = args.map((arg) =>
    typeof arg === "number" ? BigInt(arg) : addressOf(arg)
  );
  return library.syscall(nr, a, b, c, d, e);
}

/** Structs of 64-bit fields. */
function words(...values: bigint[]): Bytes {
  return new Uint8Array(new BigUint64Array(values).buffer);
}

/** An open file descriptor that closes at the end of its scope. */
export class Fd implements Disposable {
  constructor(readonly number: number) {}

  /** The path by which other calls reach what is open here. */
  get path(): string {
    return `/proc/self/fd/${this.number}`;
  }

  [Symbol.dispose](): void {
    closeFd(this.number);
  }
}

/**
 * Opens a path without access to its content (O_PATH).
 *
 * @param resolve bits of {@link RESOLVE}; with `beneath` the path is relative to `at`, with
 *   `inRoot` `at` is its root, symbolic links and all
 * @throws {Errno} ENOENT; ELOOP or EXDEV where a symbolic link or an escape is met that `resolve` forbids
 */
export function openPath(path: string, resolve = 0, at?: Fd): Fd {
  const how = words(BigInt(OPEN.PATH | OPEN.CLOEXEC), 0n, BigInt(resolve));
  return new Fd(
    check(call(NR_OPENAT2, [at?.number ?? AT_FDCWD, cString(path), how, how.byteLength]), `open ${path}`),
  );
}

/** Copies the mount of what is open into a mount that is attached nowhere yet. */
export function cloneMount(source: Fd, recursive: boolean, name: string): Fd {
  const flags = OPEN_TREE_CLONE | AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  return new Fd(
    check(
      call(NR_OPEN_TREE, [source.number, cString(""), flags | OPEN.CLOEXEC]),
      `copy the mount of ${name}`,
    ),
  );
}

/** Changes attributes (MOUNT_ATTR bits) or the propagation of a mount, and of all below it where `recursive`. */
export function setMountAttributes(
  mount: Fd,
  change: { set?: number; clear?: number; propagation?: bigint; recursive?: boolean },
  name: string,
): void {
  const attr = words(BigInt(change.set ?? 0), BigInt(change.clear ?? 0), change.propagation ?? 0n, 0n);
  const flags = AT_EMPTY_PATH | (change.recursive ? AT_RECURSIVE : 0);
  check(
    call(NR_MOUNT_SETATTR, [mount.number, cString(""), flags, attr, attr.byteLength]),
    `change the mount of ${name}`,
  );
}

/** Attaches a mount that `cloneMount` made, or moves one that is open. */
export function attachMount(mount: Fd, target: Fd, name: string): void {
  const flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  check(
    call(NR_MOVE_MOUNT, [mount.number, cString(""), target.number, cString(""), flags]),
    `attach a mount at ${name}`,
  );
}

/** Makes the working directory, which is a mount, the root of its mount namespace, whose old root goes. */
export function pivotToWorkingDirectory(name: string): void {
  const here = cString(".");
  check(call(NR_PIVOT_ROOT, [here, here]), `make ${name} the root`);
  // The old root lies upon the new one.
  unmount(".", UMOUNT.DETACH);
}

/** Detaches the mount that is open, with all on it; it goes away when its last user does. */
export function detachMount(mount: Fd, name: string): void {
  try {
    // Not UMOUNT.NOFOLLOW: the path is a link of /proc, and what it leads to is exactly what is open.
    unmount(mount.path, UMOUNT.DETACH);
  } catch (error) {
    throw error instanceof Errno ? new Errno(error.errno, `unmount ${name}`) : error;
  }
}
