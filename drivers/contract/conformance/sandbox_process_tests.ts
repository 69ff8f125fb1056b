import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { makeCgroup, processesIn, removeCgroup } from "../../../lib/cgroups/mod.ts";
import { SandboxState } from "../../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import {
  LinuxContainerResources,
  LinuxPodSandboxConfig,
  PodSandboxConfig,
} from "../../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";
import { testsOf } from "./mod.ts";
import { endsUnseen } from "./sandbox_tests.ts";
import type { DriverCommand } from "./subject.ts";

/** The configuration of a pod whose containers may use so much together. */
function withMemoryLimit(bytes: bigint): Uint8Array {
  const nothing = new Uint8Array();
  const resources = { ...LinuxContainerResources.decode(nothing), memoryLimitInBytes: bytes };
  const linux = { ...LinuxPodSandboxConfig.decode(nothing), resources };
  return PodSandboxConfig.encode({ ...PodSandboxConfig.decode(nothing), linux }).finish();
}

/** Every memory limit in a folder of cgroups and those below it. */
function limitsBelow(folder: string): bigint[] {
  const own = ["memory.max", "memory.limit_in_bytes"].flatMap((file) => {
    try {
      const text = Deno.readTextFileSync(`${folder}/${file}`).trim();
      return /^\d+$/.test(text) ? [BigInt(text)] : [];
    } catch {
      return [];
    }
  });
  const children = [...Deno.readDirSync(folder)].filter(({ isDirectory }) => isDirectory);
  return [...own, ...children.flatMap(({ name }) => limitsBelow(`${folder}/${name}`))];
}

/**
 * Registers what a driver without VMs must do besides where a sandbox is a process of the host from its start to its end.
 *
 * @param netns a network namespace that is free for a sandbox
 */
export function sandboxProcessConformance(driver: DriverCommand, netns: () => string): void {
  const test = testsOf(driver);

  test("the end of a sandbox's process is told to those who wait", "none", async (process) => {
    const { pid } = await process.start("s1", { netnsPath: netns() });
    ok(pid > 0);
    const status = await process.client.status({ sandboxId: "s1" });
    deepStrictEqual([status.pid, status.pids.includes(pid)], [pid, true]);
    const wait = process.wait("s1");
    Deno.kill(pid, "SIGKILL");
    ok([128 + 9, 255].includes((await wait).exitStatus));
    strictEqual((await process.client.status({ sandboxId: "s1" })).state, SandboxState.STOPPED);
    await process.client.remove({ sandboxId: "s1" });
  });

  endsUnseen(test, () => ({ netnsPath: netns() }), "a sandbox's process");

  test("an adopted process is watched as one's own", "none", async (process) => {
    const { pid } = await process.start("s1", { netnsPath: netns() });
    await process.kill();
    await process.launch("none");
    strictEqual((await process.client.status({ sandboxId: "s1" })).pid, pid);
    await rejects(process.start("s1"), { code: "ALREADY_EXISTS" });
    const wait = process.wait("s1");
    Deno.kill(pid, "SIGKILL");
    await wait;
    await process.client.remove({ sandboxId: "s1" });
  });

  test("a pod's memory limit holds for its process", "none", async (process) => {
    const parent = `/kuasar-conformance-${Deno.pid}`;
    const cgroup = `${parent}/kuasar_s1`;
    const parents = makeCgroup(parent);
    const cgroups = makeCgroup(cgroup);
    try {
      const request = { netnsPath: netns(), podConfig: withMemoryLimit(200n << 20n), cgroup, cgroups };
      const { pid } = await process.start("s1", request);
      ok(processesIn(cgroups).includes(pid));
      const limit = cgroups.flatMap(limitsBelow).reduce((least, one) => one < least ? one : least);
      ok(limit >= 200n << 20n && limit <= 400n << 20n, `the limit with the sandbox's own part is ${limit}`);
      await process.client.remove({ sandboxId: "s1" });
      await removeCgroup(cgroups);
    } finally {
      await removeCgroup(parents);
    }
  });

  test("a start that the driver's death cuts off leaves no process", "none", async (process) => {
    for (const delayMs of [0, 30, 80, 150]) {
      const started = process.start("s1", { netnsPath: netns() }).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      await process.kill();
      await started;
      await process.launch("none");
      // It may have been complete.
      await process.client.remove({ sandboxId: "s1" });
      await process.assertClean();
    }
  });
}
