/** Some cells of `deno task silence`: a process stands still at a call. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { runCell } from "../silence/cell.ts";
import { VICTIMS } from "../silence/victims.ts";
import { RUN_POD } from "../silence/calls.ts";
import { e2eOurs, handlerUnderTest, useNode } from "./fixture.ts";

/** Those in which something was wrong once, or that have a way of their own. VMs have silent_guest_test.ts besides. */
const CELLS: Readonly<Record<string, readonly (readonly [victim: string, call: string])[]>> = {
  "kuasar-qemu": [["pod", "CreateContainer"], ["VMM", RUN_POD], ["driver-", "StopPodSandbox"]],
  "kuasar-runc": [["pod", RUN_POD], ["container", "StopContainer"], ["task-server", "ExecSync"]],
  "kuasar-gvisor": [["sandbox", "ExecSync"], ["sandbox", "StopContainer"]],
  "kuasar-wasm": [["container", "StopContainer"]],
};

const cells = CELLS[handlerUnderTest()] ?? [];
const node = cells.length > 0 ? useNode() : undefined;

for (const [name, call] of cells) {
  e2eOurs(`a ${name} that stands still at ${call} holds up nobody`, node!, async (node) => {
    const victim = VICTIMS.find((victim) => victim.name === name)!;
    const pod = await node.runPod({ name: "neighbour" });
    const command = ["sleep", "100000"];
    const container = await pod.run({ name: "c", image: await node.image("busybox"), command });
    const cell = await runCell(node, { pod, container }, victim, call, "silent");
    ok(cell, `there is no ${name} here`);
    deepStrictEqual(cell.faults, []);
    await pod.remove();
  });
}
