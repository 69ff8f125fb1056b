import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { grpcClient } from "../../lib/grpc/mod.ts";
import { listLinks } from "../../lib/netlink/mod.ts";
import { NetworkDefinition } from "../../lib/proto/gen/kuasar/network/v1/network.ts";
import { attachRequest, NEEDS_ROOT, withPod } from "./testing/fixture.ts";

const MAIN = new URL("./main.ts", import.meta.url).pathname;

function start(runDir: string): Deno.ChildProcess {
  const args = ["run", "-A", MAIN, "--run-dir", runDir, "--log-level", "error"];
  return new Deno.Command(Deno.execPath(), { args, stdin: "null", stdout: "null", stderr: "inherit" })
    .spawn();
}

Deno.test(
  "the service over gRPC: attach, kill -9, list, detach, stop",
  NEEDS_ROOT,
  withPod(async (fixture) => {
    const { directory, pod, inPod } = fixture;
    const network = grpcClient(NetworkDefinition, `${directory}/network.sock`);
    let service = start(directory);
    try {
      const first = await network.attach(attachRequest(pod));
      strictEqual(first.interfaces[1]!.mtu, 1400n);
      strictEqual(first.interfaces[0]!.rawFlags, 0, "nothing that changes by itself");
      await rejects(network.attach(attachRequest(pod, { sandboxId: "../etc" })), {
        code: "INVALID_ARGUMENT",
      });
      const fds = () => [...Deno.readDirSync(`/proc/${service.pid}/fd`)].length;
      const before = fds();
      for (let round = 0; round < 10; round++) {
        deepStrictEqual(await network.attach(attachRequest(pod)), first);
      }
      strictEqual(fds(), before, "no descriptor is left open");

      service.kill("SIGKILL");
      await service.status;
      service = start(directory);
      // A call on the connection that is just breaking is the caller's to repeat.
      const listed = await network.list({}).catch(() => network.list({}));
      deepStrictEqual(listed.sandboxIds, ["s1"], "the client waited for the new process");
      deepStrictEqual(await network.attach(attachRequest(pod)), first);
      await network.detach({ sandboxId: "s1" });
      await network.detach({ sandboxId: "s1" });
      deepStrictEqual(
        listLinks(inPod).map(({ name }) => name).sort(),
        ["eth0", "lo"],
      );
      service.kill("SIGTERM");
      strictEqual((await service.status).code, 0);
    } finally {
      network.close();
      try {
        service.kill("SIGKILL");
      } catch {
        // It has ended as it should.
      }
      await service.status;
    }
  }),
);
