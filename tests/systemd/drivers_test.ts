/** Every driver's unit under systemd: it starts when it is called, answers, runs a pod, and is restarted beside it. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type DriverDeployment, DRIVERS } from "../../deploy/drivers.ts";
import { nodePrograms } from "../../deploy/programs.ts";
import { connectCri, podConfig, waitForCri } from "../../lib/cri/mod.ts";
import { grpcClient } from "../../lib/grpc/mod.ts";
import { DriverDefinition } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { imageArchive } from "../e2e/fixture.ts";
import { Ctr, Pod } from "../harness/mod.ts";
import { obstacle, SystemdMachine } from "./machine.ts";
import { CONTAINERD, installInto, stageHost } from "./stage.ts";

const IMAGE = "docker.io/library/busybox:kuasar";
/** The first call starts the service; a guest without KVM takes its time. */
const TIMEOUT = { timeoutMs: 120_000 };

const missing = obstacle();
if (missing) console.log(`the drivers are not tested under systemd: ${missing}`);

Deno.test({
  name: "under systemd every driver starts when it is called, runs a pod and survives a restart beside it",
  ignore: missing !== undefined,
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async (t) => {
    const base = await Deno.makeTempDir({ prefix: "ksd-" });
    let machine: SystemdMachine | undefined;
    try {
      await installInto(`${base}/stage`);
      await stageHost(`${base}/stage`, DRIVERS);
      machine = await SystemdMachine.boot(base, "test.target");
      const booted = machine;
      await waitForCri(booted.path(CONTAINERD), 30_000);
      const ctr = new Ctr(nodePrograms().ctr, booted.path(CONTAINERD), "k8s.io");
      strictEqual((await ctr.run(["images", "import", "--local", imageArchive("busybox")])).code, 0);
      for (const driver of DRIVERS) await t.step(driver.name, () => check(booted, driver));
      strictEqual((await booted.run("systemctl", "--failed", "--no-legend", "--plain")).text, "");
      await checkHost(booted);
    } catch (error) {
      if (machine) console.error((await machine.run("journalctl", "--no-pager", "-n", "120")).text);
      throw error;
    } finally {
      await machine?.stop();
      await Deno.remove(base, { recursive: true });
    }
  },
});

async function check(machine: SystemdMachine, { name, handlers }: DriverDeployment): Promise<void> {
  const unit = `kuasar-driver-${name}`;
  const systemctl = async (...args: string[]) => (await machine.run("systemctl", ...args)).text.trim();
  strictEqual(await systemctl("is-active", `${unit}.socket`), "active");
  // The sandboxer asks the first one what it can do.
  if (name !== DRIVERS[0]!.name) strictEqual(await systemctl("is-active", `${unit}.service`), "inactive");
  const driver = grpcClient(DriverDefinition, machine.path(`/run/kuasar/driver-${name}.sock`));
  const cri = connectCri(machine.path(CONTAINERD));
  try {
    strictEqual((await driver.info({}, TIMEOUT)).name, name);
    strictEqual(await systemctl("is-active", `${unit}.service`), "active");
    const before = await systemctl("show", "--property=MainPID", "--value", unit);

    const config = podConfig({ name: `pod-${name}`, hostname: `under-${name}` });
    const request = { config, runtimeHandler: handlers[0] };
    const { podSandboxId } = await cri.runtime.runPodSandbox(request, TIMEOUT);
    const pod = new Pod(cri, podSandboxId, config);
    const container = await pod.run({ name: "c", image: IMAGE, command: ["sleep", "1000"] });
    strictEqual((await container.shell("hostname")).stdout, `under-${name}\n`);

    strictEqual(await systemctl("restart", unit), "");
    const after = await systemctl("show", "--property=MainPID", "--value", unit);
    ok(after !== before && after !== "0", `${before}, after the restart ${after}`);
    ok(await pod.isReady(), "a restart of its driver ends no pod");
    strictEqual((await container.shell("echo after the restart")).stdout, "after the restart\n");
    await pod.remove();
    deepStrictEqual((await driver.list({}, TIMEOUT)).sandboxIds, []);
  } finally {
    cri.close();
    driver.close();
  }
}

/** `kuasar-ctl check` finds that all of it works, with the configuration that the units have. */
async function checkHost(machine: SystemdMachine): Promise<void> {
  const { code, text } = await machine.run("kuasar-ctl", "check", "--json");
  const findings: { what: string; verdict: string; detail: string }[] = JSON.parse(text);
  strictEqual(code, 0, text);
  const kvm = findings.some(({ what, verdict }) => what === "acceleration" && verdict === "ok");
  for (const { handlers: [what], needsKvm } of DRIVERS) {
    const found = findings.find((finding) => finding.what === what);
    strictEqual(found?.verdict, needsKvm && !kvm ? "absent" : "ok", `${what}: ${found?.detail}`);
  }
}
