/** Guests that cannot boot. */
import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import type { NodePrograms } from "../../deploy/programs.ts";
import { message } from "../../lib/cri/mod.ts";
import type { KuasarError } from "../../lib/errors/mod.ts";
import { ListPodSandboxRequest } from "../../lib/proto/gen/runtime/v1/cri.ts";
import { comparing, handlerUnderTest, programsFor, startTestNode } from "./fixture.ts";

/** A pod that must fail and say so. The programs are made anew for each test. */
function failingPod(name: string, programs: () => Promise<Partial<NodePrograms>>, reason: RegExp): void {
  Deno.test({
    name,
    ignore: comparing,
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      const changed = await programs();
      const node = await startTestNode({
        programs: { ...await programsFor(handlerUnderTest()), ...changed },
      });
      try {
        // What is opened once and lazily is open after the first attempt.
        await rejects(node.runPod({ name: "first" }));
        const stillLeft = node.watchLeaks();
        await rejects(node.runPod({ name: "second" }), (error: KuasarError) => {
          match([error.message, ...error.evidence].join("\n"), reason);
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
        if (changed.initrd !== undefined) await Deno.remove(changed.initrd);
      }
    },
  });
}

failingPod(
  "a pod without a guest kernel fails with the kernel's path, and leaves nothing behind",
  () => Promise.resolve({ kernel: "/no/such/vmlinux.bin" }),
  /\/no\/such\/vmlinux\.bin/,
);

failingPod(
  "a pod with a broken guest image fails with the guest's last words, and leaves nothing behind",
  async () => {
    const initrd = await Deno.makeTempFile({ prefix: "broken-", suffix: ".initrd" });
    await Deno.writeFile(initrd, crypto.getRandomValues(new Uint8Array(65_536)));
    return { initrd };
  },
  /Kernel panic/,
);
