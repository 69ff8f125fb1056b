import { rejects, strictEqual } from "node:assert/strict";
import { limitFds, linesOf } from "../../lib/transport/testdata/starve.ts";

const SERVER = new URL("./testdata/metrics_server.ts", import.meta.url).pathname;

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  return listener.addr.port;
}

Deno.test("metrics are served again after a time without descriptors", async () => {
  const address = `127.0.0.1:${freePort()}`;
  const args = ["run", "-A", SERVER, address];
  const child = new Deno.Command(Deno.execPath(), { args, stderr: "piped", stdout: "null" }).spawn();
  const lines = linesOf(child);
  // A new client, and so a new connection, each time.
  const get = async () => {
    using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
    return await (await fetch(`http://${address}/metrics`, { client })).text();
  };
  try {
    await lines.until("msg=Metrics");
    strictEqual(await get(), "up 1\n");
    await limitFds(child.pid, 3);
    await rejects(get());
    await lines.until("trying again");
    await limitFds(child.pid, 1024);
    await lines.until("msg=Metrics", 2);
    strictEqual(await get(), "up 1\n");
  } finally {
    child.kill("SIGKILL");
    await lines.cancel();
    await child.status;
  }
});
