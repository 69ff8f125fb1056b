import { strictEqual } from "node:assert/strict";
import { grpcClient } from "../grpc/mod.ts";
import { TaskDefinition } from "../proto/gen/containerd/task/v3/task.ts";
import { NetworkDefinition } from "../proto/gen/kuasar/network/v1/network.ts";
import { createClient, TtrpcClient } from "../ttrpc/mod.ts";
import { connectUnix } from "./mod.ts";
import { limitFds, linesOf } from "./testdata/starve.ts";

const SERVERS = new URL("./testdata/two_servers.ts", import.meta.url).pathname;
const timeoutMs = 60_000;

Deno.test("a service that runs out of descriptors at an accept takes that connection and later ones when it has some again", async () => {
  const directory = Deno.makeTempDirSync();
  const [grpcPath, ttrpcPath] = [`${directory}/grpc.sock`, `${directory}/ttrpc.sock`];
  const args = ["run", "-A", SERVERS, grpcPath, ttrpcPath];
  const child = new Deno.Command(Deno.execPath(), { args, stderr: "piped", stdout: "null" }).spawn();
  const lines = linesOf(child);
  const ask = {
    grpc: async () => {
      const client = grpcClient(NetworkDefinition, grpcPath);
      try {
        strictEqual((await client.list({}, { timeoutMs })).sandboxIds.length, 0);
      } finally {
        client.close();
      }
    },
    ttrpc: async () => {
      const client = new TtrpcClient(await connectUnix(ttrpcPath, { timeoutMs }));
      try {
        const task = createClient(TaskDefinition, client, { timeoutMs });
        strictEqual((await task.wait({ id: "c", execId: "" })).exitStatus, 7);
      } finally {
        client.close();
        await client.closed;
      }
    },
  };
  try {
    await lines.until("serving");
    for (const [kind, path] of [["grpc", grpcPath], ["ttrpc", ttrpcPath]] as const) {
      // It has these, and may open no others, whatever it closes.
      await limitFds(child.pid, 3);
      const early = ask[kind]();
      await lines.until(`path=${path}`);
      await limitFds(child.pid, 1024);
      await early;
      await lines.until(`"Accepting again" path=${path}`);
      await ask[kind]();
    }
  } finally {
    child.kill("SIGKILL");
    await lines.cancel();
    await child.status;
    Deno.removeSync(directory, { recursive: true });
  }
});
