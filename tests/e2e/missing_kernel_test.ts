import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { nodePrograms } from "../../deploy/programs.ts";
import { message } from "../../lib/cri/mod.ts";
import type { KuasarError } from "../../lib/errors/mod.ts";
import { ListPodSandboxRequest } from "../../lib/proto/gen/runtime/v1/cri.ts";
import { comparing, startTestNode } from "./fixture.ts";

Deno.test({
  name: "a pod without a guest kernel fails with the kernel's path, and leaves nothing behind",
  ignore: comparing,
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    const node = await startTestNode({ programs: { ...nodePrograms(), kernel: "/no/such/vmlinuz" } });
    try {
      // What is opened once and lazily is open after the first attempt.
      await rejects(node.runPod({ name: "first" }));
      const stillLeft = node.watchLeaks();
      await rejects(node.runPod({ name: "second" }), (error: KuasarError) => {
        match(error.message, /\/no\/such\/vmlinuz/);
        return true;
      });
      deepStrictEqual(await stillLeft(), []);
      const { items } = await node.cri.runtime.listPodSandbox(message(ListPodSandboxRequest));
      strictEqual(items.length, 0);
    } catch (error) {
      console.error(node.logTail(80).join("\n"));
      throw error;
    } finally {
      await node.stop();
    }
  },
});
