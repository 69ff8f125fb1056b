/**
 * The C library, opened on first use.
 *
 * `ioctl`, `open`, `fcntl` and `syscall` are variadic in C. They are declared here with the arguments
 * that we pass: on x86-64 and arm64 Linux integer arguments of a variadic function travel in the same registers
 * as named ones.
 */
const SYMBOLS = {
  __errno_location: { parameters: [], result: "pointer" },
  accept4: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait_async: {
    name: "epoll_wait",
    parameters: ["i32", "buffer", "i32", "i32"],
    result: "i32",
    nonblocking: true,
  },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i64"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  ioctl_value: { name: "ioctl", parameters: ["i32", "u64", "u64"], result: "i32" },
  lchown: { parameters: ["buffer", "u32", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  mknod: { parameters: ["buffer", "u32", "u64"], result: "i32" },
  mount: { parameters: ["buffer", "buffer", "buffer", "u64", "buffer"], result: "i32" },
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "u64"], result: "i64" },
  recv: { parameters: ["i32", "buffer", "u64", "i32"], result: "i64" },
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "i64" },
  send: { parameters: ["i32", "buffer", "u64", "i32"], result: "i64" },
  sendmsg: { parameters: ["i32", "buffer", "i32"], result: "i64" },
  sendto: { parameters: ["i32", "buffer", "u64", "i32", "buffer", "u32"], result: "i64" },
  setns: { parameters: ["i32", "i32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  statfs: { parameters: ["buffer", "buffer"], result: "i32" },
  syscall: { parameters: ["i64", "i64", "i64", "i64", "i64"], result: "i64" },
  umount2: { parameters: ["buffer", "i32"], result: "i32" },
  unshare: { parameters: ["i32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "u64"], result: "i64" },
} as const;

type Library = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

let library: Library | undefined;
let errnoView: Deno.UnsafePointerView | undefined;

/** The symbols of the C library. Loaded once; an import of this module alone costs nothing. */
export function libc(): Library {
  library ??= Deno.dlopen("libc.so.6", SYMBOLS).symbols;
  return library;
}

/**
 * The error number of the last synchronous call on this thread. To be read right after the call: nonblocking
 * calls run elsewhere and leave nothing here.
 */
export function lastErrno(): number {
  if (errnoView === undefined) {
    const location = libc().__errno_location();
    if (location === null) throw new Error("libc has no errno");
    errnoView = new Deno.UnsafePointerView(location);
  }
  return errnoView.getInt32();
}
