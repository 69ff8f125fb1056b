import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import {
  AF,
  closeFd,
  deviceNumber,
  duplicateFd,
  EPOLL,
  epollAdd,
  epollCreate,
  epollWait,
  Errno,
  eventFd,
  eventFdSignal,
  isErrno,
  listenUnixFd,
  OPEN,
  openFd,
  openSocket,
  OWN_NETNS,
  peerCredentials,
  pipe,
  pollFd,
  readFd,
  receiveDescriptors,
  sendDescriptors,
  SOCK,
  socketPair,
  statFileSystem,
  unixAddress,
  withNewNetns,
  writeFd,
} from "./mod.ts";

const IS_ROOT = Deno.uid() === 0;
const text = (value: string) => new TextEncoder().encode(value);

Deno.test("a failed system call throws its errno, with a code for callers", () => {
  throws(() => openFd("/nonexistent/file", OPEN.RDONLY), (error: unknown) => {
    ok(error instanceof Errno);
    strictEqual(error.errnoName, "ENOENT");
    strictEqual(error.code, "NOT_FOUND");
    strictEqual(error.message, "Cannot open /nonexistent/file: ENOENT");
    return isErrno(error, "ENOENT") && !isErrno(error, "EEXIST");
  });
});

Deno.test("a path with a NUL never reaches the kernel", () => {
  throws(() => openFd("/etc/passwd\0.txt", OPEN.RDONLY), { code: "INVALID_ARGUMENT" });
});

Deno.test("descriptors travel over a unix socket", () => {
  const [left, right] = socketPair();
  const [reader, writer] = pipe();
  strictEqual(sendDescriptors(left, text("x"), [reader, writer]), 1);
  const buffer = new Uint8Array(8);
  const { length, fds } = receiveDescriptors(right, buffer, 4);
  strictEqual(length, 1);
  strictEqual(fds.length, 2);
  writeFd(fds[1]!, text("through"));
  const got = new Uint8Array(16);
  strictEqual(new TextDecoder().decode(got.subarray(0, readFd(reader, got))), "through");
  [left, right, reader, writer, ...fds].forEach(closeFd);
});

Deno.test("more descriptors than asked for are an error and none is leaked", () => {
  const [left, right] = socketPair();
  const before = [...Deno.readDirSync("/proc/self/fd")].length;
  sendDescriptors(left, text("x"), [left, left, left, left, left]);
  throws(() => receiveDescriptors(right, new Uint8Array(8), 1), { code: "RESOURCE_EXHAUSTED" });
  strictEqual([...Deno.readDirSync("/proc/self/fd")].length, before);
  [left, right].forEach(closeFd);
});

Deno.test("the peer of a unix socket is known", () => {
  const [left, right] = socketPair();
  deepStrictEqual(peerCredentials(left), { pid: Deno.pid, uid: Deno.uid(), gid: Deno.gid() });
  [left, right].forEach(closeFd);
});

Deno.test("epoll on the thread pool returns the token of a ready descriptor", async () => {
  const epoll = epollCreate();
  const event = eventFd();
  epollAdd(epoll, event, EPOLL.IN, 77);
  deepStrictEqual(await epollWait(epoll, 4, 0), []);
  const waiting = epollWait(epoll, 4, 10_000);
  eventFdSignal(event);
  deepStrictEqual(await waiting, [77]);
  ok(pollFd(event, EPOLL.IN, 0));
  [epoll, event].forEach(closeFd);
});

Deno.test("a unix path of 108 bytes is refused", () => {
  strictEqual(unixAddress("/" + "a".repeat(106)).length, 110);
  throws(() => unixAddress("/" + "a".repeat(107)), { code: "INVALID_ARGUMENT" });
});

Deno.test("a stale socket file is replaced, a served one and a plain file are not", () => {
  const directory = Deno.makeTempDirSync();
  const path = `${directory}/s.sock`;
  try {
    closeFd(listenUnixFd(path));
    const fd = listenUnixFd(path);
    strictEqual(Deno.statSync(path).mode! & 0o777, 0o600);
    throws(() => listenUnixFd(path), { code: "FAILED_PRECONDITION" });
    closeFd(fd);
    Deno.writeTextFileSync(`${directory}/file`, "keep");
    throws(() => listenUnixFd(`${directory}/file`), { code: "UNAVAILABLE" });
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("device numbers are built as glibc does", () => {
  strictEqual(deviceNumber({ major: 1, minor: 3 }), 0x103n);
  strictEqual(deviceNumber({ major: 259, minor: 1048575 }), 0xfff103ffn);
});

Deno.test("the file system of /proc is known, duplicates are independent", () => {
  strictEqual(statFileSystem("/proc").type, 0x9fa0);
  const fd = openFd("/dev/null", OPEN.RDWR);
  const copy = duplicateFd(fd);
  closeFd(fd);
  strictEqual(writeFd(copy, text("gone")), 4);
  closeFd(copy);
});

Deno.test({
  name: "a new network namespace is entered and left",
  ignore: !IS_ROOT,
  fn: async () => {
    const home = Deno.readLinkSync(OWN_NETNS);
    const { inside, links } = withNewNetns(() => ({
      inside: Deno.readLinkSync(OWN_NETNS),
      links: Deno.readTextFileSync("/proc/thread-self/net/dev").trim().split("\n").length,
    }));
    ok(inside !== home);
    strictEqual(links, 3, "two header lines and lo");
    strictEqual(Deno.readLinkSync(OWN_NETNS), home);
    throws(() =>
      withNewNetns(() => {
        throw new Error("inside");
      }), /inside/);
    strictEqual(Deno.readLinkSync(OWN_NETNS), home);
    await rejects(async () => withNewNetns((() => Promise.resolve(1)) as unknown as () => number), {
      code: "INTERNAL",
    });
    const socket = openSocket(AF.UNIX, SOCK.DGRAM);
    closeFd(socket);
  },
});
