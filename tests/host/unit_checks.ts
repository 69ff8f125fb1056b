import { strictEqual } from "node:assert/strict";
import { message, waitForCri } from "../../lib/cri/mod.ts";
import { ListPodSandboxRequest, PodSandboxState } from "../../lib/proto/gen/runtime/v1/cri.ts";
import type { DebianHost } from "./debian_host.ts";
import { allPodsGoOn } from "./pod_checks.ts";

const UNITS = "/usr/lib/systemd/system";

const CONTAINERD = "kuasar-containerd.service";

/** How long containerd may take to start; after a reboot it looks at all pods that there were. */
export const START_TIMEOUT_MS = 1_800_000;

/** systemd reads every unit without a word. */
export async function verifyUnits({ machine }: DebianHost): Promise<string> {
  const { code, stdout, stderr } = await machine.run(
    `cd ${UNITS} && systemd-analyze verify kuasar*.service kuasar*.socket kuasar*.target`,
  );
  strictEqual(`${stdout}${stderr}`, "");
  strictEqual(code, 0);
  return (await machine.must("systemctl --version | head -n 1")).trim();
}

/** What was enabled runs or listens, and nothing has failed. */
export async function unitsAreUp({ machine }: DebianHost): Promise<void> {
  await machine.must(
    `systemctl is-active kuasar.target kuasar-task.service kuasar-sandboxer.service ${CONTAINERD}`,
  );
  await machine.must(`cd ${UNITS} && systemctl is-active kuasar*.socket`);
  strictEqual(await machine.must("systemctl --failed --no-legend --plain"), "");
}

/** It finds everything that the kinds need whose programs can be had. */
export async function ctlCheck({ machine }: DebianHost): Promise<void> {
  const { code, stdout } = await machine.run("kuasar-ctl check");
  strictEqual(code, 0, stdout);
}

/** The Deno services that run now. */
async function services({ machine }: DebianHost): Promise<string[]> {
  const list = await machine.must(
    "systemctl list-units --no-legend --plain --state=active --type=service 'kuasar-*'",
  );
  return list.split("\n").map((line) => line.split(" ")[0]!).filter((unit) =>
    unit && unit !== "kuasar-task.service" && unit !== CONTAINERD
  );
}

/** Each unit is restarted, and containerd, with pods running. */
export async function restartEach(host: DebianHost): Promise<string> {
  const units = [...await services(host), CONTAINERD];
  for (const unit of units) {
    await host.machine.must(`systemctl restart ${unit}`);
    await waitForCri(host.machine.containerd, START_TIMEOUT_MS);
    await allPodsGoOn(host, `restart of ${unit}`);
  }
  await unitsAreUp(host);
  return `${units.length} units, ${host.pods.size} pods`;
}

/** As {@link restartEach}, all at once: for where time is short. */
export async function restartAll(host: DebianHost): Promise<string> {
  const units = [...await services(host), CONTAINERD];
  await host.machine.must(`systemctl restart ${units.join(" ")}`);
  await waitForCri(host.machine.containerd, START_TIMEOUT_MS);
  await allPodsGoOn(host, "restart of all");
  await unitsAreUp(host);
  return `${units.length} units, ${host.pods.size} pods`;
}

/** The task server dies, and its keeper starts the next. */
export async function killTaskServer(host: DebianHost): Promise<void> {
  await host.machine.must("pkill -KILL -P $(systemctl show --property=MainPID --value kuasar-task)");
  await allPodsGoOn(host, "death of the task server");
}

/** A service that dies again and again is started again and again. */
export async function killOften(host: DebianHost): Promise<void> {
  for (const unit of ["kuasar-storage", "kuasar-network"]) {
    await host.machine.must(
      `for i in 1 2 3 4 5 6 7; do systemctl kill -s KILL --kill-who=main ${unit}; sleep 0.5; done`,
    );
    await host.machine.must(`systemctl is-active ${unit}.socket`);
  }
  await allPodsGoOn(host, "seven deaths");
}

/** After a reboot the old pods are told as ended and can be removed, and nothing is in their way. */
export async function reboot(host: DebianHost): Promise<void> {
  await host.machine.reboot();
  await waitForCri(host.machine.containerd, START_TIMEOUT_MS);
  await host.machine.must("systemctl is-system-running --wait");
  const { items } = await host.cri.runtime.listPodSandbox(message(ListPodSandboxRequest));
  strictEqual(items.length, host.pods.size);
  for (const { state } of items) strictEqual(state, PodSandboxState.SANDBOX_NOTREADY);
  await host.removePods();
  await unitsAreUp(host);
}

/** With the pods gone nothing of them is left. */
export async function nothingIsLeft(host: DebianHost): Promise<void> {
  await host.removePods();
  const { machine } = host;
  // The services' own corners of the mount tree stay as long as they run; what is of a pod has its id.
  strictEqual((await machine.run("grep -E '/run/kuasar/.*[0-9a-f]{64}' /proc/mounts")).stdout, "");
  strictEqual((await machine.run("find /sys/fs/cgroup -type d -name 'kuasar_*'")).stdout, "");
  const running = (await machine.run("pgrep -a 'qemu|virtiofsd|runsc|crun|wasmedge'")).stdout;
  strictEqual(running, "");
  const links = await machine.must("ls /sys/class/net");
  strictEqual(links.split(/\s+/).filter((name) => name && !["lo", "eth0"].includes(name)).join(), "");
}
