import * as sys from "../sys.js";
import { fails, test } from "./check.ts";

/** Any function of the module, to be called with anything. */
type AnyFunction = (...args: unknown[]) => unknown;

/**
 * These end or block the process, change it for good, write to the log, or change the machine: the clock, its names, its
 * devices. They are tested with chosen arguments or not at all.
 */
const NOT_CALLED = new Set([
  ...[
    "exit",
    "onSignal",
    "kill",
    "setenv",
    "logWrite",
    "chdir",
    "chroot",
    "pivotRoot",
    "setns",
    "unshare",
    "setrlimit",
  ],
  ...[
    "sethostname",
    "clockSettime",
    "mount",
    "umount",
    "reboot",
    "sync",
    "finitModule",
    "addEntropy",
    "setSubreaper",
  ],
  ...["removeAll", "unlink", "rmdir", "rename"],
]);

test("a missing or wrong argument is refused, never converted", () => {
  fails("TypeError", () => (sys.close as AnyFunction)());
  fails("TypeError", () => (sys.close as AnyFunction)("0"));
  fails("TypeError", () => (sys.close as AnyFunction)(1.5));
  fails("TypeError", () => (sys.close as AnyFunction)(NaN));
  fails("TypeError", () => (sys.close as AnyFunction)(2 ** 40));
  fails("TypeError", () => (sys.open as AnyFunction)(1, 0));
  fails("TypeError", () => (sys.read as AnyFunction)(0, "text"));
  fails("TypeError", () => (sys.read as AnyFunction)(0, new Uint16Array(4)));
  fails("TypeError", () => (sys.watch as AnyFunction)(0, 1));
  fails("TypeError", () => (sys.spawn as AnyFunction)({ argv: "true" }));
  fails("TypeError", () => (sys.spawn as AnyFunction)({ argv: [] }));
  fails("TypeError", () => (sys.spawn as AnyFunction)({ argv: ["true"], extraFds: new Array(100).fill(0) }));
});

test("slices of buffers stay inside", () => {
  const buffer = new Uint8Array(4);
  fails("TypeError", () => sys.read(0, buffer, 5));
  fails("TypeError", () => sys.read(0, buffer, -1));
  fails("TypeError", () => sys.read(0, buffer, 2, 3));
  fails("TypeError", () => sys.write(1, buffer, 0, 5));
});

test("a NUL byte in a path is refused", () => {
  fails("EINVAL", () => sys.readFile("/etc/passwd\0.txt"));
  fails("EINVAL", () => sys.rename("/tmp/a", "/tmp/\0"));
});

/** Without the one that the listing itself uses. */
function openFds(): Set<number> {
  const listed = sys.readdir("/proc/self/fd").map(({ name }) => Number(name));
  return new Set(listed.filter((fd) => sys.exists(`/proc/self/fd/${fd}`)));
}

test("no function breaks on arguments of any kind", () => {
  const before = openFds();
  const values = [
    undefined,
    null,
    true,
    -1,
    2 ** 31,
    1e300,
    "",
    "\0",
    "\ud800",
    [],
    {},
    new Uint8Array(3),
    7n,
  ];
  for (const [name, value] of Object.entries(sys as unknown as Record<string, unknown>)) {
    if (typeof value !== "function" || NOT_CALLED.has(name)) continue;
    for (const first of values) {
      for (const second of values) {
        try {
          (value as AnyFunction)(first, second, first, second);
        } catch {
          // Refused: as it should be.
        }
      }
    }
  }
  sys.umask(0o022);
  for (const fd of openFds()) if (!before.has(fd)) sys.close(fd);
});
