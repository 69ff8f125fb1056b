import * as sys from "../sys.js";
import { directory, equal, fails, test, until } from "./check.ts";

test("unix sockets: listen, connect, accept, credentials", async () => {
  const path = `${directory}/sock`;
  const listener = sys.listenUnix(path);
  equal(sys.stat(path).mode & 0o777, 0o600);
  equal(sys.accept(listener), null);
  fails("EADDRINUSE", () => sys.listenUnix(path));
  // The attempt has looked whether somebody listens.
  sys.close(sys.accept(listener)!.fd);
  const client = sys.connectUnix(path);
  let server = -1;
  sys.watch(listener, sys.EPOLL.IN, () => server = sys.accept(listener)?.fd ?? -1);
  await until(() => server >= 0);
  equal(sys.peerCredentials(server).pid, sys.getpid());
  sys.write(client, sys.utf8Encode("ping"));
  const buffer = new Uint8Array(16);
  equal(sys.read(server, buffer), 4);
  equal(sys.read(server, buffer), -1);
  sys.shutdown(client, sys.SHUT.WR);
  equal(sys.read(server, buffer), 0);
  equal(sys.socketError(client), 0);
  sys.adoptListener(listener);
  fails("EINVAL", () => sys.adoptListener(client));
  for (const fd of [client, server, listener]) sys.close(fd);
  // The stale file is replaced.
  fails("ECONNREFUSED", () => sys.connectUnix(path));
  sys.close(sys.listenUnix(path, 0o660));
  equal(sys.stat(path).mode & 0o777, 0o660);
});

test("unix sockets: a file that is no socket stays", () => {
  const path = `${directory}/precious`;
  sys.writeFile(path, "data");
  fails("EADDRINUSE", () => sys.listenUnix(path));
  equal(sys.readTextFile(path), "data");
  fails("ENAMETOOLONG", () => sys.listenUnix(`${directory}/${"x".repeat(200)}`));
  fails("ENOENT", () => sys.connectUnix(`${directory}/none`));
});

test("what is peeked at stays", () => {
  const [a, b] = sys.socketpair();
  equal(sys.recv(b, 10, true), null);
  sys.write(a, sys.utf8Encode("he"));
  sys.write(a, sys.utf8Encode("llo"));
  equal(sys.utf8Decode(sys.recv(b, 10, true)!), "hello");
  equal(sys.utf8Decode(sys.recv(b, 10, true)!), "hello");
  equal(sys.utf8Decode(sys.recv(b, 2)!), "he");
  equal(sys.utf8Decode(sys.recv(b, 10)!), "llo");
  sys.close(a);
  equal(sys.recv(b, 10, true)!.length, 0);
  sys.close(b);
});

test("fds are passed", () => {
  const [a, b] = sys.socketpair();
  const { read, write } = sys.pipe();
  equal(sys.recvFds(b), null);
  equal(sys.sendFds(a, sys.utf8Encode("here"), [read, write]), 4);
  const message = sys.recvFds(b)!;
  equal([sys.utf8Decode(message.data), message.fds.length], ["here", 2]);
  sys.write(message.fds[1]!, Uint8Array.of(42));
  const buffer = new Uint8Array(1);
  equal([sys.read(read, buffer), buffer[0]], [1, 42]);
  equal(sys.sendFds(a, sys.utf8Encode("none"), []), 4);
  equal(sys.recvFds(b)!.fds, []);
  fails("EBADF", () => sys.sendFds(a, Uint8Array.of(1), [9999]));
  sys.close(a);
  equal(sys.recvFds(b)!.data.length, 0);
  for (const fd of [b, read, write, ...message.fds]) sys.close(fd);
});

test("netlink answers", () => {
  const fd = sys.socket(sys.AF.NETLINK, sys.SOCK.RAW, 0);
  sys.bindNetlink(fd);
  equal(sys.recv(fd), null);
  // RTM_GETLINK with NLM_F_REQUEST | NLM_F_DUMP.
  const request = new Uint8Array(32);
  const view = new DataView(request.buffer);
  view.setUint32(0, 32, true);
  view.setUint16(4, 18, true);
  view.setUint16(6, 0x301, true);
  equal(sys.send(fd, request), 32);
  const answer = sys.recv(fd)!;
  equal(new DataView(answer.buffer, answer.byteOffset).getUint16(4, true), 16);
  fails("EMSGSIZE", () => sys.recv(fd, 4));
  sys.close(fd);
});

test("vsock without a peer", async () => {
  const listener = sys.listenVsock(0xffffffff);
  equal(sys.localVsockPort(listener) > 0, true);
  equal(sys.accept(listener), null);
  sys.close(listener);
  const refused = new Set(["ENODEV", "ENETUNREACH", "EADDRNOTAVAIL", "ECONNRESET"]);
  try {
    const fd = sys.connectVsock(77, 1, 5_500);
    let errno = 0;
    sys.watch(fd, sys.EPOLL.OUT, () => errno ||= sys.socketError(fd));
    await until(() => errno !== 0);
    sys.close(fd);
  } catch (error) {
    equal(refused.has((error as sys.SysError).code), true);
  }
});

test("inotify and eventfd", async () => {
  const fd = sys.inotifyInit();
  const path = `${directory}/watched`;
  sys.writeFile(path, "");
  const descriptor = sys.inotifyAddWatch(fd, path, sys.IN.MODIFY);
  let size = 0;
  sys.watch(fd, sys.EPOLL.IN, () => size = sys.read(fd, new Uint8Array(512)));
  sys.writeFile(path, "x", 0, sys.O.WRONLY);
  await until(() => size > 0);
  sys.inotifyRemoveWatch(fd, descriptor);
  sys.close(fd);
  const event = sys.eventfd();
  equal(sys.read(event, new Uint8Array(8)), -1);
  sys.write(event, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0));
  equal(sys.read(event, new Uint8Array(8)), 8);
  sys.close(event);
});
