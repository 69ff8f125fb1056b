import * as sys from "../sys.js";
import { directory, equal, fails, test } from "./check.ts";

test("a file is written, read, renamed, removed", () => {
  const path = `${directory}/file`;
  sys.writeFile(path, "héllo");
  equal(sys.readTextFile(path), "héllo");
  equal(sys.readFile(path).length, 6);
  sys.writeFile(path, Uint8Array.of(1, 2, 3), 0o600);
  equal([...sys.readFile(path)], [1, 2, 3]);
  sys.rename(path, `${path}2`);
  equal(sys.exists(path), false);
  sys.chmod(`${path}2`, 0o640);
  equal(sys.stat(`${path}2`).mode & 0o777, 0o640);
  sys.unlink(`${path}2`);
  fails("ENOENT", () => sys.readFile(path));
});

test("a file of unknown size is read whole, a long one is refused", () => {
  const status = sys.readTextFile("/proc/self/status");
  equal(status.startsWith("Name:"), true);
  equal(sys.stat("/proc/self/status").size, 0);
  sys.writeFile(`${directory}/long`, new Uint8Array(10_000));
  equal(sys.readFile(`${directory}/long`, 10_000).length, 10_000);
  fails("EFBIG", () => sys.readFile(`${directory}/long`, 9_999));
  fails("EFBIG", () => sys.readFile("/dev/zero", 100_000));
  equal(sys.readFile("/dev/null").length, 0);
  fails("EISDIR", () => sys.readFile(directory));
});

test("errors carry number, name and call", () => {
  try {
    sys.open("/does/not/exist", sys.O.RDONLY);
  } catch (error) {
    const { name, errno, code, syscall, message } = error as sys.SysError;
    equal([name, errno, code, syscall], ["SysError", 2, "ENOENT", "open"]);
    equal(message, "open /does/not/exist: No such file or directory (ENOENT)");
    equal(error instanceof Error, true);
    return;
  }
  throw new Error("no error");
});

test("directories are made with parents, listed and removed with all that is in them", () => {
  const top = `${directory}/a`;
  sys.mkdirAll(`${top}/b/c`);
  sys.mkdirAll(`${top}/b/c`);
  sys.writeFile(`${top}/b/file`, "x");
  fails("ENOTDIR", () => sys.mkdirAll(`${top}/b/file`));
  sys.symlink("/etc", `${top}/b/link`);
  equal(sys.readlink(`${top}/b/link`), "/etc");
  const names = sys.readdir(`${top}/b`).map(({ name, type }) => `${name}:${type}`).sort();
  equal(names, ["c:dir", "file:file", "link:symlink"]);
  sys.removeAll(top);
  equal(sys.exists(top), false);
  equal(sys.exists("/etc/passwd"), true);
  sys.removeAll(top);
});

test("stat knows the types", () => {
  equal(sys.stat("/dev/null").type, "char");
  equal(sys.stat("/dev/null").rdev, 259);
  equal(sys.stat("/").type, "dir");
  sys.symlink("nowhere", `${directory}/dangling`);
  equal(sys.lstat(`${directory}/dangling`).type, "symlink");
  equal(sys.exists(`${directory}/dangling`), true);
  fails("ENOENT", () => sys.stat(`${directory}/dangling`));
  sys.mknod(`${directory}/fifo`, sys.S.IFIFO | 0o600);
  equal(sys.stat(`${directory}/fifo`).type, "fifo");
  equal(sys.statfs("/proc").type, 0x9fa0);
});

test("reads and writes go to parts of buffers", () => {
  const path = `${directory}/parts`;
  const fd = sys.open(path, sys.O.RDWR | sys.O.CREAT, 0o600);
  equal(sys.write(fd, sys.utf8Encode("abcdef"), 1, 3), 3);
  sys.close(fd);
  equal(sys.readTextFile(path), "bcd");
  const again = sys.open(path, sys.O.RDONLY);
  const buffer = new Uint8Array(6);
  equal(sys.read(again, buffer.subarray(2), 1, 2), 2);
  equal([...buffer], [0, 0, 0, 98, 99, 0]);
  equal(sys.read(again, buffer), 1);
  equal(sys.read(again, buffer), 0);
  sys.close(again);
  fails("EBADF", () => sys.close(again));
});

test("a lock is held by one", () => {
  const path = `${directory}/lock`;
  sys.writeFile(path, "");
  const [a, b] = [sys.open(path, sys.O.RDONLY), sys.open(path, sys.O.RDONLY)];
  equal([sys.flock(a, true), sys.flock(b, true), sys.flock(b, false)], [true, false, false]);
  sys.close(a);
  equal(sys.flock(b, true), true);
  sys.close(b);
});

test("a write in a thread of its own arrives, and one that fails disturbs nobody", () => {
  const path = `${directory}/aside`;
  sys.writeFile(path, "");
  equal(sys.writeAside(path, "hello"), true);
  for (const end = sys.nowMs() + 5_000; sys.readTextFile(path) !== "hello";) {
    if (sys.nowMs() > end) throw new Error("not written");
  }
  const missing = `${directory}/no/such/file`;
  for (const end = sys.nowMs() + 5_000; !sys.writeAside(missing, "x");) {
    if (sys.nowMs() > end) throw new Error("still busy");
  }
  for (const end = sys.nowMs() + 5_000; !sys.writeAside(path, "again");) {
    if (sys.nowMs() > end) throw new Error("still busy");
  }
  for (const end = sys.nowMs() + 5_000; sys.readTextFile(path) !== "again";) {
    if (sys.nowMs() > end) throw new Error("not written");
  }
  fails("TypeError", () => sys.writeAside(path, "x".repeat(100)));
});

test("removeAll keeps off what is mounted below, also where that is the same file system", () => {
  const [tree, other] = [`${directory}/mounted`, `${directory}/elsewhere`];
  sys.mkdirAll(`${tree}/below`);
  sys.mkdirAll(other);
  sys.writeFile(`${other}/kept`, "");
  sys.mount(other, `${tree}/below`, "", sys.MS.BIND);
  fails("EXDEV", () => sys.removeAll(tree));
  equal(sys.exists(`${other}/kept`), true);
  sys.umount(`${tree}/below`);
  sys.writeFile(`${tree}/file`, "");
  sys.mount(`${other}/kept`, `${tree}/file`, "", sys.MS.BIND);
  fails("EBUSY", () => sys.removeAll(tree));
  sys.umount(`${tree}/file`);
  sys.removeAll(tree);
  equal(sys.exists(tree), false);
});

test("a FIFO in the place of a file is read without waiting", () => {
  const path = `${directory}/not-a-file`;
  sys.mknod(path, sys.S.IFIFO | 0o600);
  equal(sys.readTextFile(path), "");
  const both = sys.open(path, sys.O.RDWR);
  fails("EAGAIN", () => sys.readTextFile(path));
  sys.close(both);
});

// The first one opens what all others are made in.
if (sys.geteuid() === 0) sys.close(sys.openNull(sys.O.RDWR));

test("nothing of one's own: it swallows, yields nothing, and is neither the machine's nor another's", () => {
  if (sys.geteuid() !== 0) return;
  const [one, other] = [sys.openNull(sys.O.RDWR), sys.openNull(sys.O.RDONLY)];
  equal(sys.read(one, new Uint8Array(1)), 0);
  equal(sys.write(one, sys.utf8Encode("swallowed")), 9);
  fails("EBADF", () => sys.write(other, new Uint8Array(1)));
  const [a, b, machine] = [sys.fstat(one), sys.fstat(other), sys.stat("/dev/null")];
  equal([a.type, a.rdev, a.mode & 0o777, a.nlink], ["char", machine.rdev, 0o666, 0]);
  equal([a.dev === machine.dev, a.ino === b.ino], [false, false]);
  sys.chown(`/proc/self/fd/${one}`, 1, 1);
  equal([sys.fstat(one).uid, sys.fstat(other).uid, sys.stat("/dev/null").uid], [1, 0, machine.uid]);
  sys.close(one);
  sys.close(other);
});
