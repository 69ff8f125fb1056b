import { rejects, strictEqual } from "node:assert/strict";
import { closeFd, listenUnixFd } from "../libc/mod.ts";
import { spawnWithFds, terminate } from "../process/mod.ts";
import { NetworkDefinition } from "../proto/gen/kuasar/network/v1/network.ts";
import { grpcClient } from "./mod.ts";

const EXAMPLE = new URL("../service/testdata/example_service.ts", import.meta.url).pathname;
const SERVER = new URL("./testdata/list_server.ts", import.meta.url).pathname;

Deno.test("on an inherited socket a service comes and goes and its clients only wait", async () => {
  const directory = Deno.makeTempDirSync();
  const path = `${directory}/s.sock`;
  const listener = listenUnixFd(path);
  const env = { ...Deno.env.toObject(), LISTEN_FDS: "1", LISTEN_FDNAMES: "list" };
  try {
    for (let round = 0; round < 2; round++) {
      const client = grpcClient(NetworkDefinition, path);
      const early = client.list({}); // connected by the kernel, answered by the process that is still to come
      const { ref } = await spawnWithFds(Deno.execPath(), ["run", "-A", SERVER, path], {
        fds: [listener],
        env,
      });
      try {
        strictEqual((await early).sandboxIds.length, 0);
      } finally {
        client.close();
        await terminate(ref, { graceMs: 0 });
      }
      strictEqual(Deno.statSync(path).isSocket, true, "the socket belongs to who made it");
    }
  } finally {
    closeFd(listener);
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("a service that is configured wrongly tells so to who waits for it", async () => {
  const directory = Deno.makeTempDirSync();
  const path = `${directory}/s.sock`;
  const listener = listenUnixFd(path);
  const client = grpcClient(NetworkDefinition, path);
  try {
    const early = client.list({});
    const env = { ...Deno.env.toObject(), LISTEN_FDS: "1", LISTEN_FDNAMES: "list" };
    const args = ["run", "-A", EXAMPLE, "--run-dir", directory, "--fail"];
    const { exited } = await spawnWithFds(Deno.execPath(), args, { fds: [listener], env });
    await rejects(early, { code: "FAILED_PRECONDITION", message: /told to fail/ });
    strictEqual((await exited).code, 2);
  } finally {
    client.close();
    closeFd(listener);
    Deno.removeSync(directory, { recursive: true });
  }
});
