import * as sys from "../sys.js";
import { equal, fails, test, until } from "./check.ts";

const NETNS = "/proc/self/ns/net";

/** RTM_NEWLINK for interface 1 with IFF_UP (rtnetlink(7)): the namespace of the tests is new, and its loopback down. */
function loopbackUp(): void {
  const message = new DataView(new ArrayBuffer(32));
  message.setUint32(0, 32, true);
  message.setUint16(4, 16, true);
  message.setUint16(6, 1, true);
  message.setInt32(20, 1, true);
  message.setUint32(24, 1, true);
  message.setUint32(28, 1, true);
  const fd = sys.socket(sys.AF.NETLINK, sys.SOCK.RAW, 0);
  sys.bindNetlink(fd);
  sys.send(fd, new Uint8Array(message.buffer));
  sys.close(fd);
}

async function connect(domain: number, port: number): Promise<{ fd: number; errno: number }> {
  const fd = sys.connectLoopback(domain, port);
  let ready = false;
  sys.watch(fd, sys.EPOLL.OUT, () => ready = true);
  await until(() => ready);
  sys.unwatch(fd);
  return { fd, errno: sys.socketError(fd) };
}

test("a listener on every port tells which one was meant", async () => {
  if (sys.geteuid() !== 0) return fails("EPERM", () => sys.listenEveryPort(NETNS));
  loopbackUp();
  const { listener, link } = sys.listenEveryPort(NETNS);
  for (const port of [1, 80, 8080, 65535]) {
    const client = await connect(sys.AF.INET, port);
    equal(client.errno, 0);
    const server = sys.accept(listener)!.fd;
    equal(sys.localPort(server), port);
    sys.close(server);
    sys.close(client.fd);
  }
  const other = await connect(sys.AF.INET6, 80);
  equal(other.errno, sys.E.CONNREFUSED);
  sys.close(other.fd);
  sys.close(link);
  const refused = await connect(sys.AF.INET, 80);
  equal(refused.errno, sys.E.CONNREFUSED);
  sys.close(refused.fd);
  sys.close(listener);
});

test("a listener on every port needs a network namespace", () => {
  fails("ENOENT", () => sys.listenEveryPort("/none"));
  if (sys.geteuid() === 0) fails("EINVAL", () => sys.listenEveryPort("/proc/self/ns/mnt"));
});
