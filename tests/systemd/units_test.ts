/** What becomes of units that die, are called wrongly, are restarted by a pattern, stopped and removed. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { driverDeployment } from "../../deploy/drivers.ts";
import { nodePrograms } from "../../deploy/programs.ts";
import { STOP_TARGET } from "../../deploy/systemd/mod.ts";
import { root } from "../../lib/build/mod.ts";
import { connectCri, podConfig, waitForCri } from "../../lib/cri/mod.ts";
import { imageArchive } from "../e2e/fixture.ts";
import { Ctr, Pod } from "../harness/mod.ts";
import { obstacle, SystemdMachine } from "./machine.ts";
import { CONTAINERD, installInto, stageHost } from "./stage.ts";

const DRIVER = driverDeployment("runc");
const IMAGE = "docker.io/library/busybox:kuasar";
const TIMEOUT = { timeoutMs: 120_000 };
const WAIT_MS = 60_000;
/** systemd gives up a unit after five starts in 10 s, unless it is told not to. */
const DEATHS = 7;

const missing = obstacle();
if (missing) console.log(`the life of units is not tested under systemd: ${missing}`);

Deno.test({
  name: "under systemd units outlive deaths and mistakes, and stop and go as their documents say",
  ignore: missing !== undefined,
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async (t) => {
    const base = await Deno.makeTempDir({ prefix: "ksd-" });
    let machine: SystemdMachine | undefined;
    try {
      await installInto(`${base}/stage`, [DRIVER]);
      await stageHost(`${base}/stage`, [DRIVER]);
      machine = await SystemdMachine.boot(base, "test.target");
      const booted = new Units(machine);
      await waitForCri(machine.path(CONTAINERD), 30_000);
      const ctr = new Ctr(nodePrograms().ctr, machine.path(CONTAINERD), "k8s.io");
      strictEqual((await ctr.run(["images", "import", "--local", imageArchive("busybox")])).code, 0);
      await t.step("kuasar-ctl check", () => check(booted));
      await t.step("deaths in a row", () => manyDeaths(booted));
      await t.step("a mistake in a drop-in", () => mistake(booted));
      await t.step("restart by a pattern", () => restartAll(booted));
      await t.step("stop, and removal", () => stopAndRemove(booted));
    } catch (error) {
      if (machine) console.error((await machine.run("journalctl", "--no-pager", "-n", "120")).text);
      throw error;
    } finally {
      await machine?.stop();
      await Deno.remove(base, { recursive: true });
    }
  },
});

/** What the steps ask of the machine. */
class Units {
  constructor(readonly machine: SystemdMachine) {}

  async systemctl(...args: string[]): Promise<string> {
    const { code, text } = await this.machine.run("systemctl", ...args);
    strictEqual(code, 0, `systemctl ${args.join(" ")}: ${text}`);
    return text.trim();
  }

  async property(unit: string, name: string): Promise<string> {
    return await this.systemctl("show", `--property=${name}`, "--value", unit);
  }

  async state(unit: string): Promise<string> {
    return await this.property(unit, "ActiveState");
  }

  /** Waits until a property has one of these values. */
  async wait(unit: string, name: string, accepts: (value: string) => boolean): Promise<string> {
    for (const until = Date.now() + WAIT_MS;;) {
      const value = await this.property(unit, name);
      if (accepts(value)) return value;
      ok(Date.now() < until, `${unit}: ${name} is ${value}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Runs a pod, hands its container to `during`, and removes it. */
  async pod(during: (pod: Pod, shell: (line: string) => Promise<string>) => Promise<void>): Promise<void> {
    const cri = connectCri(this.machine.path(CONTAINERD));
    try {
      const config = podConfig({ name: "pod", hostname: "units" });
      const request = { config, runtimeHandler: DRIVER.handlers[0] };
      const { podSandboxId } = await cri.runtime.runPodSandbox(request, TIMEOUT);
      const pod = new Pod(cri, podSandboxId, config);
      const container = await pod.run({ name: "c", image: IMAGE, command: ["sleep", "1000"] });
      await during(pod, async (line) => (await container.shell(line)).stdout);
      await pod.remove();
    } finally {
      cri.close();
    }
  }
}

/** What `kuasar-ctl check` finds: its exit code, and the rows that are not fine. */
async function ctlCheck({ machine }: Units): Promise<{ code: number; rows: Map<string, string> }> {
  const { code, text } = await machine.run("kuasar-ctl", "check", "--json");
  const findings: { what: string; verdict: string; detail: string }[] = JSON.parse(text);
  const bad = findings.filter(({ verdict }) => verdict !== "ok");
  return { code, rows: new Map(bad.map(({ what, verdict, detail }) => [what, `${verdict}: ${detail}`])) };
}

async function check(units: Units): Promise<void> {
  const kind = DRIVER.handlers[0];
  const fine = await ctlCheck(units);
  strictEqual(fine.code, 0, [...fine.rows].join("\n"));
  // The machine is started by another target than a host's.
  match(fine.rows.get("units")!, /^slow: .*not after the next boot/);
  strictEqual(fine.rows.get(kind), undefined);

  const dropIn = units.machine.path(`/var/lib/kuasar/${DRIVER.configFile}.d/70-check.toml`);
  await Deno.writeTextFile(dropIn, '[runtime]\nruntime_path = "/usr/bin/no-such-runtime"\n');
  const without = await ctlCheck(units);
  strictEqual(without.code, 1);
  match(without.rows.get(kind)!, /^missing: .*\/usr\/bin\/no-such-runtime does not exist/);
  await Deno.writeTextFile(dropIn, "[runtime]\nruntime_pth = 1\n");
  match((await ctlCheck(units)).rows.get(kind)!, /^missing: .*70-check\.toml:2: .*runtime_pth/);
  await Deno.remove(dropIn);

  await units.systemctl("mask", "--now", `kuasar-driver-${DRIVER.name}.socket`);
  const masked = await ctlCheck(units);
  strictEqual(masked.code, 0);
  match(masked.rows.get(kind)!, /^absent: turned off/);
  await units.systemctl("unmask", `kuasar-driver-${DRIVER.name}.socket`);
  await units.systemctl("start", `kuasar-driver-${DRIVER.name}.socket`);

  await units.systemctl("stop", "kuasar-network.socket");
  const stopped = await ctlCheck(units);
  strictEqual(stopped.code, 1);
  match(stopped.rows.get("units")!, /^missing: .*kuasar-network\.socket/);
  await units.systemctl("start", "kuasar-network.socket");

  const config = units.machine.path("/etc/containerd/config.toml");
  const text = await Deno.readTextFile(config);
  await Deno.writeTextFile(config, text.replace(/^imports = .*$/m, ""));
  const alone = await ctlCheck(units);
  strictEqual(alone.code, 1);
  match(alone.rows.get("containerd")!, /^missing: .*does not offer our handlers/);
  await Deno.writeTextFile(config, text);
}

async function manyDeaths(units: Units): Promise<void> {
  for (const unit of ["kuasar-storage", "kuasar-task"]) {
    await units.systemctl("start", unit);
    for (let death = 0; death < DEATHS; death++) {
      const pid = await units.wait(unit, "MainPID", (value) => value !== "0");
      await units.systemctl("kill", "--signal=KILL", "--kill-who=main", unit);
      await units.wait(unit, "MainPID", (value) => value !== pid);
    }
    await units.wait(unit, "ActiveState", (value) => value === "active");
  }
  await units.pod(async (_, shell) =>
    strictEqual(await shell("echo after the deaths"), "after the deaths\n")
  );
}

async function mistake(units: Units): Promise<void> {
  const unit = `kuasar-driver-${DRIVER.name}`;
  const dropIn = units.machine.path(`/var/lib/kuasar/${DRIVER.configFile}.d/60-mistake.toml`);
  await Deno.writeTextFile(dropIn, "[runtime]\nruntime_pth = 1\n");
  await units.machine.run("systemctl", "restart", unit);
  strictEqual(await units.wait(unit, "ActiveState", (value) => value === "failed"), "failed");
  strictEqual(await units.property(unit, "ExecMainStatus"), "2");
  strictEqual(await units.property(unit, "NRestarts"), "0", "what is wrong is not tried again");
  // Whoever needs it hears why, instead of having it started again and again while he waits.
  await rejects(units.pod(() => Promise.resolve()), { message: /60-mistake\.toml:2: .*runtime_pth/ });
  strictEqual(await units.state(`${unit}.socket`), "active");
  const journal = ["journalctl", "--no-pager", "-o", "cat", "-p", "err", "-u", unit, "_COMM=deno"];
  const told = (await units.machine.run(...journal)).text.trim().split("\n");
  ok(told.length === 2, told.join("\n"));
  for (const line of told) match(line, /^level=error .*60-mistake\.toml:2: .*runtime_pth/);
  const others = [
    ...journal.slice(0, 4),
    "-p",
    "info",
    "-u",
    "kuasar-sandboxer",
    "--grep",
    "(Start|Call) failed",
  ];
  match((await units.machine.run(...others)).text, /^level=error .*msg="Start failed".*\n$/);

  await Deno.remove(dropIn);
  await units.systemctl("restart", unit);
  strictEqual(await units.state(unit), "active");
  await units.pod(async (_, shell) => strictEqual(await shell("echo put right"), "put right\n"));
}

async function restartAll(units: Units): Promise<void> {
  await units.pod(async (pod, shell) => {
    const before = await units.property("kuasar-task", "MainPID");
    const { text } = await units.machine.run("systemctl", "restart", "kuasar-*");
    match(text, /kuasar-task\.service.*dependency only/);
    strictEqual(await units.property("kuasar-task", "MainPID"), before);
    ok(await pod.isReady());
    strictEqual(await shell("echo after the restart"), "after the restart\n");
    strictEqual(await units.systemctl("--failed", "--no-legend", "--plain"), "");
  });
}

/** @returns the units of ours that run, or have not ended yet */
async function active(units: Units): Promise<string[]> {
  const states = "--state=active,reloading,activating,deactivating";
  const lines = await units.systemctl("list-units", "--no-legend", "--plain", states, "*kuasar*");
  return lines.split("\n").map((line) => line.split(" ")[0]!).filter((name) =>
    /\.(service|socket|target)$/.test(name)
  );
}

async function stopAndRemove(units: Units): Promise<void> {
  await units.systemctl("enable", "--now", "kuasar.target");
  ok((await active(units)).length > 5);
  // The task server alone is kept: containers would count as ended.
  await units.pod(async (_, shell) => {
    await units.systemctl("disable", "--now", "kuasar.target");
    // systemctl waits for the target alone.
    await units.wait("kuasar-sandboxer.socket", "ActiveState", (value) => value === "inactive");
    for (const socket of await active(units)) {
      if (socket !== "kuasar-task.service") await units.wait(socket, "ActiveState", (v) => v === "inactive");
    }
    deepStrictEqual(await active(units), ["kuasar-task.service"]);
    strictEqual(await shell("echo still there"), "still there\n");
    const refused = await uninstall(units);
    strictEqual(refused.code, 1);
    match(
      refused.text,
      new RegExp(`remove the pods, then systemctl disable .* && systemctl start ${STOP_TARGET}`),
    );
    await units.systemctl("enable", "--now", "kuasar.target");
  });
  await units.systemctl("disable", "kuasar.target");
  await units.systemctl("start", STOP_TARGET);
  deepStrictEqual(await active(units), []);
  const { code, text } = await uninstall(units, "--purge");
  strictEqual(code, 0, text);
  await units.systemctl("daemon-reload");
  const left = await units.machine.run(
    ...["find", "/etc", "/usr/local", "/run", "/var/lib/kuasar", "/var/cache"],
    // systemd's own, and what the test has staged besides us.
    ...["(", "-path", "/run/systemd/*", "-o", "-path", "/etc/default/*", "-o", "-path", "/run/cni/*", ")"],
    ...["-prune", "-o"],
    ...["-name", "*kuasar*", "-print"],
  );
  const ours = left.text.split("\n").filter((line) => line.startsWith("/"));
  deepStrictEqual(ours, [], "what is left over");
}

/** `deno task uninstall` in the machine. */
async function uninstall(units: Units, ...flags: string[]): Promise<{ code: number; text: string }> {
  const program = ["run", "-A", "--no-check", "--quiet", `${root}/deploy/install/main.ts`, "--uninstall"];
  return await units.machine.run(Deno.execPath(), ...program, ...flags);
}
