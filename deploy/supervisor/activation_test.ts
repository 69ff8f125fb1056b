import { strictEqual } from "node:assert/strict";
import { listenForChild } from "./listen.ts";
import { SocketActivation } from "./activation.ts";

Deno.test("a socket is activated by its first client, and only once", async () => {
  const dir = await Deno.makeTempDir({ prefix: "ks-" });
  const [one, other] = [
    await listenForChild("one", `${dir}/one.sock`),
    await listenForChild("other", `${dir}/other.sock`),
  ];
  const activation = new SocketActivation();
  let [times, others] = [0, 0];
  const activated = Promise.withResolvers<void>();
  try {
    activation.watch([one.fd], () => {
      times++;
      activated.resolve();
    });
    activation.watch([other.fd], () => others++);
    const clients = [
      await Deno.connect({ transport: "unix", path: one.path }),
      await Deno.connect({ transport: "unix", path: one.path }),
    ];
    await activated.promise;
    for (const client of clients) client.close();
  } finally {
    await activation.close();
    await one.close();
    await other.close();
    await Deno.remove(dir, { recursive: true });
  }
  strictEqual(times, 1);
  strictEqual(others, 0);
});
