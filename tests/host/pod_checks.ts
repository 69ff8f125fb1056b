import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { WASM } from "../../image/wasm/images.ts";
import { parseMountinfo } from "../../lib/mounts/mod.ts";
import { ContainerState } from "../../lib/proto/gen/runtime/v1/cri.ts";
import type { Container, Pod } from "../harness/mod.ts";
import { staticProgram } from "../harness/static_program.ts";
import { type DebianHost, EXEC_TIMEOUT_S } from "./debian_host.ts";
import { HOST_FILES } from "./image.ts";
import type { Kind } from "./install.ts";

export const BUSYBOX = "docker.io/library/busybox:kuasar";

/** How a kubelet with systemd's cgroup driver names the slice of a pod of the class BestEffort. */
export const sliceOf = (kind: Kind) => `kubepods-besteffort-pod${kind}.slice`;
export const SLICES = "/sys/fs/cgroup/kubepods.slice/kubepods-besteffort.slice";

const MEMORY_LIMIT = 64 << 20;

/** What a kubelet gives the containers of a pod of the class BestEffort; it gives the pod none. */
const OOM_SCORE_ADJ = 1000;

/** Whose containers the host's kernel runs. */
const ON_HOST: readonly Kind[] = ["runc", "wasm"];

const shell = (container: Container, line: string) => container.shell(line, EXEC_TIMEOUT_S);

/**
 * Runs a pod with a container in a slice, with a folder and a file of the host, and leaves both running.
 *
 * @returns what there is to tell: the seconds since the installation
 */
export async function firstContainer(host: DebianHost, kind: Kind): Promise<string> {
  const volume = `/srv/${kind}`;
  await host.machine.must(
    `mkdir -p ${volume} && echo from-the-host > ${volume}/in && echo key > ${volume}.conf && ` +
      `systemctl start ${sliceOf(kind)} && systemctl set-property --runtime ${sliceOf(kind)} MemoryMax=900M`,
  );
  const pod = await host.runPod(`kuasar-${kind}`, {
    name: kind,
    hostname: `pod-${kind}`,
    cgroupParent: sliceOf(kind),
  });
  const container = await pod.run({
    name: "c",
    image: BUSYBOX,
    command: ["sh", "-c", "echo to stdout; echo to stderr >&2; exec sleep 100000"],
    oomScoreAdj: OOM_SCORE_ADJ,
    mounts: [
      // Firecracker shares nothing with its guests: they have copies.
      { containerPath: "/volume", hostPath: volume, readonly: kind === "firecracker" },
      { containerPath: "/etc/app.conf", hostPath: `${volume}.conf`, readonly: true },
    ],
    ...(ON_HOST.includes(kind) || kind === "gvisor" ? { memoryLimitBytes: MEMORY_LIMIT } : {}),
  }).catch(async (error) => {
    await pod.remove();
    throw error;
  });
  host.pods.set(kind, { pod, container });
  return `${host.sinceInstallation.toFixed(0)} s after the installation began`;
}

export function podOf(host: DebianHost, kind: Kind): { pod: Pod; container: Container } {
  const found = host.pods.get(kind);
  ok(found, `there is no pod of ${kind}`);
  return found;
}

/** Exec, output, exit code, the pod's name, and whose kernel it is. */
export async function exec(host: DebianHost, kind: Kind): Promise<string> {
  const { container } = podOf(host, kind);
  const { stdout, stderr, exitCode } = await shell(container, "hostname; uname -r; echo e >&2; exit 7");
  const [name, kernel] = stdout.split("\n");
  strictEqual(`${name} ${stderr.trim()} ${exitCode}`, `pod-${kind} e 7`);
  const own = (await host.machine.must("uname -r")).trim();
  strictEqual(kernel === own, ON_HOST.includes(kind), `the pod's kernel is ${kernel}`);
  return `kernel ${kernel}`;
}

/** The log has what a container writes, each stream under its name. */
export async function stdio(host: DebianHost, kind: Kind): Promise<void> {
  const log = await host.machine.must(`cat ${podOf(host, kind).container.logPath}`);
  match(log, /^\S+ stdout F to stdout$/m);
  match(log, /^\S+ stderr F to stderr$/m);
}

/** A folder of the host is written through, a read-only file is none to write. */
export async function volumes(host: DebianHost, kind: Kind): Promise<void> {
  const { container } = podOf(host, kind);
  const line =
    "cat /volume/in /etc/app.conf; echo from-the-pod > /volume/out; echo x > /etc/app.conf || echo refused";
  strictEqual((await shell(container, line)).stdout, "from-the-host\nkey\nrefused\n");
  strictEqual(await host.machine.must(`cat /srv/${kind}/out /srv/${kind}.conf`), "from-the-pod\nkey\n");
}

/**
 * All that runs for a pod is in the kubelet's slice, also after systemd has read its units again, with the pod's limits, and is
 * as easy to end as the pod's class says when the host has no memory left.
 *
 * @returns what there is to tell: how many processes
 */
export async function inSlice(host: DebianHost, kind: Kind): Promise<string> {
  const { pod, container } = podOf(host, kind);
  const folder = `${SLICES}/${sliceOf(kind)}/kuasar_${pod.id}`;
  await host.machine.must("systemctl daemon-reload");
  const told = await host.machine.must(
    `for pid in $(find ${folder} -name cgroup.procs -exec cat {} +); do ` +
      "echo $(cat /proc/$pid/comm /proc/$pid/oom_score_adj); done",
  );
  const processes = told.trim().split("\n").filter(Boolean);
  ok(processes.length > 0, "no process is in the pod's slice");
  deepStrictEqual(processes.filter((line) => !line.endsWith(` ${OOM_SCORE_ADJ}`)), []);
  if (ON_HOST.includes(kind)) {
    // The others have one memory for the pod.
    const limit = await host.machine.must(`cat ${folder}/${container.id}/memory.max`);
    strictEqual(limit.trim(), String(MEMORY_LIMIT));
  }
  return `${processes.length} processes, oom_score_adj ${OOM_SCORE_ADJ}`;
}

/** A module of WebAssembly in the pod beside the Linux container. */
export async function wasmModule(host: DebianHost): Promise<void> {
  const { pod } = podOf(host, "wasm");
  const container = await pod.run({ name: "module", image: WASM, command: ["/hello.wasm"] });
  strictEqual((await container.waitForExit(EXEC_TIMEOUT_S * 1000)).exitCode, 0);
  match(await host.machine.must(`cat ${container.logPath}`), /stdout F /);
  await container.remove();
}

/** A container ends with its code, is stopped by a signal and removed. */
export async function life(host: DebianHost, kind: Kind): Promise<void> {
  const { pod } = podOf(host, kind);
  const ends = await pod.run({ name: "ends", image: BUSYBOX, command: ["sh", "-c", "exit 3"] });
  strictEqual((await ends.waitForExit(EXEC_TIMEOUT_S * 1000)).exitCode, 3);
  await ends.remove();
  const stopped = await pod.run({ name: "stopped", image: BUSYBOX, command: ["sleep", "100000"] });
  await stopped.stop(1);
  strictEqual((await stopped.status()).state, ContainerState.CONTAINER_EXITED);
  await stopped.remove();
}

/** Ports of the agent. */
const AGENT_PORTS = "1024 1025 1026";

/**
 * On the kernel's vsock neither a user of the host nor another pod speaks to a guest's agent.
 *
 * @returns what there is to tell: how the guest is reached
 */
export async function vsockStrangers(host: DebianHost, kind: Kind): Promise<string> {
  const { pod } = podOf(host, kind);
  const inspected = JSON.parse(await host.machine.must(`kuasar-ctl inspect ${pod.id} --json`));
  const { $case, value: cid } = inspected.guest.kind;
  strictEqual($case, "cid", "the host has no vsock of the kernel");
  ok(!JSON.stringify(inspected).includes("secret"), "kuasar-ctl tells the secret");
  const probe = await staticProgram("vsock_probe");
  await host.machine.must(`install -m 0755 ${HOST_FILES}${probe} /srv/runc/vsock_probe`);
  const asUser = await host.machine.must(
    `setpriv --reuid 65534 --regid 65534 --clear-groups /srv/runc/vsock_probe ${cid} ${AGENT_PORTS}`,
  );
  const inPod = await shell(podOf(host, "runc").container, `/volume/vsock_probe ${cid} ${AGENT_PORTS}`);
  for (const text of [asUser, inPod.stdout]) {
    const lines = text.trim().split("\n").filter((line) => line.startsWith(`${cid}:`));
    deepStrictEqual(
      lines.map((line) => line.split(" ")[1]),
      // Nobody listens on the console's port.
      ["closed", "ECONNRESET", "closed"],
      text,
    );
  }
  return `cid ${cid}`;
}

/**
 * The VMM of a pod is in a root of its own, in which nothing of the host is that it does not need.
 *
 * @returns what there is to tell: what is mounted in it
 */
export async function ownRoot(host: DebianHost, kind: Kind): Promise<string> {
  const { pod } = podOf(host, kind);
  const { pid } = JSON.parse(await host.machine.must(`kuasar-ctl inspect ${pod.id} --json`));
  const mounts = parseMountinfo(await host.machine.must(`cat /proc/${pid}/mountinfo`));
  const log = `/run/kuasar/driver-*/${pod.id}/vmm.log`;
  strictEqual(
    mounts.find(({ mountPoint }) => mountPoint === "/")?.source,
    "kuasar-jail",
    `the VMM has the host's root: ${(await host.machine.run(`head -c 4096 ${log}`)).stdout}`,
  );
  const entries = (await host.machine.must(`ls -A /proc/${pid}/root`)).trim().split("\n");
  deepStrictEqual(entries.filter((entry) => !["dev", "proc", "run", "usr", "var"].includes(entry)), []);
  for (const path of ["/etc", "/usr/bin/sh", "/run/kuasar/sandboxer.sock", "/run/systemd"]) {
    strictEqual((await host.machine.run(`test -e /proc/${pid}/root${path}`)).code, 1, `it has ${path}`);
  }
  return `${mounts.length} mounts`;
}

/** Every pod is as it was, and takes commands. */
export async function allPodsGoOn(host: DebianHost, after: string): Promise<void> {
  for (const [kind, { pod, container }] of host.pods) {
    ok(await pod.isReady(), `${after}: the pod of ${kind} is not ready`);
    ok(await container.isRunning(), `${after}: the container of ${kind} does not run`);
    strictEqual((await shell(container, "cat /etc/app.conf")).stdout, "key\n", `${after}: ${kind}`);
  }
}

/** containerd's profile holds where the host's kernel runs the pod, and nothing of ours runs against it. */
export async function appArmor(host: DebianHost): Promise<string> {
  strictEqual(await host.machine.must("cat /sys/module/apparmor/parameters/enabled"), "Y\n");
  const { container } = podOf(host, "runc");
  const profile = (await shell(container, "cat /proc/1/attr/current /proc/self/attr/current")).stdout;
  strictEqual(profile, "cri-containerd.apparmor.d (enforce)\n".repeat(2));
  const { stdout } = await host.machine.run("journalctl -k --no-pager | grep 'apparmor=\"DENIED\"'");
  strictEqual(stdout, "");
  return "cri-containerd.apparmor.d (enforce)";
}
