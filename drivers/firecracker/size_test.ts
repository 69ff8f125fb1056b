import { deepStrictEqual, rejects } from "node:assert/strict";
import { resize } from "../contract/vm/resize.ts";
import type { FullVmConfig } from "./api_types.ts";
import { FirecrackerSize } from "./size.ts";

/** A VMM whose VM has two vCPUs and 512 MiB. */
function vmm() {
  const config: FullVmConfig = {
    drives: [],
    "machine-config": { vcpu_count: 2, mem_size_mib: 512, smt: false },
    balloon: { amount_mib: 0, deflate_on_oom: true },
  };
  return {
    vmConfig: () => Promise.resolve(config),
    resizeBalloon: (mib: number) => {
      config.balloon!.amount_mib = mib;
      return Promise.resolve();
    },
    config,
  };
}

Deno.test("a VM shrinks by its balloon and takes back what it gave", async () => {
  const api = vmm();
  const size = new FirecrackerSize(api);
  deepStrictEqual(await resize(size, { vcpus: 0, memoryMib: 200 }), { vcpus: 2, memoryMib: 200 });
  deepStrictEqual(api.config.balloon!.amount_mib, 312);
  deepStrictEqual(await resize(size, { vcpus: 1, memoryMib: 512 }), { vcpus: 2, memoryMib: 512 });
  deepStrictEqual(api.config.balloon!.amount_mib, 0);
});

Deno.test("a VM does not grow", async () => {
  const size = new FirecrackerSize(vmm());
  await rejects(resize(size, { vcpus: 3, memoryMib: 0 }), { code: "RESOURCE_EXHAUSTED" });
  await rejects(resize(size, { vcpus: 0, memoryMib: 513 }), { code: "RESOURCE_EXHAUSTED" });
});
