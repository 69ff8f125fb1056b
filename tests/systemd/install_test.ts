/** An installation under systemd itself: units, activation by sockets, restarts. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { driverDeployment, DRIVERS } from "../../deploy/drivers.ts";
import { nodePrograms } from "../../deploy/programs.ts";
import { readMountinfo } from "../../lib/mounts/mod.ts";
import { connectCri, podConfig, waitForCri } from "../../lib/cri/mod.ts";
import { imageArchive } from "../e2e/fixture.ts";
import { Ctr, Pod } from "../harness/mod.ts";
import { obstacle, SystemdMachine } from "./machine.ts";
import { CONTAINERD, installInto, stageHost } from "./stage.ts";

const DRIVER = driverDeployment("qemu");
const SERVICES = ["sandboxer", "network", "storage", `driver-${DRIVER.name}`].map((name) => `kuasar-${name}`);
const IMAGE = "docker.io/library/busybox:kuasar";

const missing = obstacle();
if (missing) console.log(`the installation is not tested under systemd: ${missing}`);

Deno.test({
  name: "under systemd an installation runs pods through kills and restarts of its units",
  ignore: missing !== undefined,
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    const before = hostCgroups();
    const base = await Deno.makeTempDir({ prefix: "ksd-" });
    let machine: SystemdMachine | undefined;
    try {
      await installInto(`${base}/stage`);
      await stageHost(`${base}/stage`, [DRIVER]);
      machine = await SystemdMachine.boot(base, "test.target");
      await check(machine);
    } catch (error) {
      if (machine) console.error((await machine.run("journalctl", "--no-pager", "-n", "80")).text);
      throw error;
    } finally {
      await machine?.stop();
      await Deno.remove(base, { recursive: true });
    }
    deepStrictEqual(hostCgroups(), before, "the machine has changed the host's cgroups");
  },
});

/** What a systemd that reaches beyond its machine would change: how the hierarchies are mounted, and their folder. */
function hostCgroups() {
  const mounts = readMountinfo().filter(({ mountPoint }) => mountPoint.startsWith("/sys/fs/cgroup"));
  return {
    mounts: mounts.map(({ mountPoint, options, superOptions }) => ({ mountPoint, options, superOptions })),
    names: [...Deno.readDirSync("/sys/fs/cgroup")].map(({ name }) => name).sort(),
  };
}

async function check(machine: SystemdMachine): Promise<void> {
  const address = machine.path(CONTAINERD);
  const systemctl = async (...args: string[]) => {
    const { code, text } = await machine.run("systemctl", ...args);
    strictEqual(code, 0, `systemctl ${args.join(" ")}: ${text}`);
    return text;
  };
  const cri = connectCri(address);
  try {
    await waitForCri(address, 30_000);
    // Drivers that nobody has called do not run, though their sockets listen.
    for (const { name } of DRIVERS.filter(({ name }) => name !== DRIVER.name)) {
      strictEqual(
        (await machine.run("systemctl", "is-active", `kuasar-driver-${name}.service`)).text,
        "inactive\n",
      );
      await systemctl("is-active", `kuasar-driver-${name}.socket`);
    }
    const ctr = new Ctr(nodePrograms().ctr, address, "k8s.io");
    strictEqual((await ctr.run(["images", "import", "--local", imageArchive("busybox")])).code, 0);
    const config = podConfig({ name: "pod", hostname: "under-systemd" });
    const request = { config, runtimeHandler: DRIVER.handlers[0] };
    const { podSandboxId } = await cri.runtime.runPodSandbox(request, { timeoutMs: 120_000 });
    const pod = new Pod(cri, podSandboxId, config);
    const container = await pod.run({ name: "c", image: IMAGE, command: ["sleep", "1000"] });
    strictEqual((await container.shell("hostname")).stdout, "under-systemd\n");

    for (const unit of SERVICES) await systemctl("kill", "--signal=KILL", "--kill-who=main", unit);
    strictEqual((await container.shell("echo after the kills")).stdout, "after the kills\n");
    // containerd gives a sandboxer about a second to answer on a new connection; a busy host needs more for its start.
    match((await machine.run("kuasar-ctl", "list")).text, new RegExp(podSandboxId.slice(0, 12)));
    const second = await pod.run({ name: "d", image: IMAGE, command: ["sh", "-c", "exit 3"] });
    strictEqual((await second.waitForExit()).exitCode, 3);
    const restarts = await systemctl("show", "--property=NRestarts", "--value", ...SERVICES);
    deepStrictEqual(restarts.split("\n").filter(Boolean), SERVICES.map(() => "1"));

    await systemctl("restart", ...SERVICES);
    ok(await pod.isReady(), "a restart of the services ends no pod");
    await systemctl("restart", "containerd");
    await waitForCri(address, 30_000);
    strictEqual((await container.shell("echo after the restarts")).stdout, "after the restarts\n");
    match((await machine.run("kuasar-ctl", "list")).text, new RegExp(podSandboxId.slice(0, 12)));

    await pod.remove();
    strictEqual(await systemctl("--failed", "--no-legend", "--plain"), "");
  } finally {
    cri.close();
  }
}
