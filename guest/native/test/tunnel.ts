import { tunnel } from "../../runtime/tunnel.ts";
import * as sys from "../sys.js";
import { equal, test, until } from "./check.ts";

async function readAll(fd: number): Promise<string> {
  const buffer = new Uint8Array(64);
  let text = "";
  for (;;) {
    const count = sys.read(fd, buffer);
    if (count === 0) return text;
    if (count > 0) {
      text += sys.utf8Decode(buffer.subarray(0, count));
      continue;
    }
    let ready = false;
    sys.watch(fd, sys.EPOLL.IN, () => ready = true);
    await until(() => ready);
    sys.unwatch(fd);
  }
}

test("a tunnel carries both ways, all that was sent before the end", async () => {
  const [client, near] = sys.socketpair();
  const [far, server] = sys.socketpair();
  let ended = 0;
  tunnel(near, far, () => ended++);
  const buffer = new Uint8Array(64);
  sys.write(client, sys.utf8Encode("question"));
  let count = -1;
  await until(() => (count = sys.read(server, buffer)) > 0);
  equal(sys.utf8Decode(buffer.subarray(0, count)), "question");
  equal(ended, 0);
  sys.write(server, sys.utf8Encode("answer"));
  sys.close(server);
  equal(await readAll(client), "answer");
  await until(() => ended === 1);
  sys.close(client);
});

test("a tunnel can be ended from outside", async () => {
  const [client, near] = sys.socketpair();
  const [far, server] = sys.socketpair();
  let ended = 0;
  const close = tunnel(near, far, () => ended++);
  close();
  close();
  equal(ended, 1);
  equal(await readAll(client), "");
  equal(await readAll(server), "");
  sys.close(client);
  sys.close(server);
});
