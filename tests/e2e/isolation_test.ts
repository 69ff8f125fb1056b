/** What a container finds of the host and of others, and what it can do to them: nothing. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { buildDir } from "../../lib/build/mod.ts";
import { exists } from "../../lib/files/mod.ts";
import { allowedOomScoreAdj } from "../../lib/process/mod.ts";
import { driverOfHandler } from "../../deploy/drivers.ts";
import { programUnderTest } from "../standins/mod.ts";
import { type Container, findProcesses, type Node, type Pod } from "../harness/mod.ts";
import { commandLinesWith } from "./command_lines.ts";
import { copyIn, copyOut, toldPid } from "./copy_by_root.ts";
import { killAndWait } from "./kill_and_wait.ts";
import { e2eHost, e2eInside, e2eOurs, handlerUnderTest, services, underVm, useNode } from "./fixture.ts";

const node = useNode();

const MIB = 1 << 20;

const driver = driverOfHandler(handlerUnderTest())?.name;

/** True where the pod's containers run on the host's kernel, in namespaces. */
const inNamespaces = driver === "runc" || driver === "wasm";

async function sleeper(node: Node, pod: Pod, options: Partial<Parameters<Pod["run"]>[0]> = {}) {
  const image = await node.image("busybox");
  return await pod.run({ name: "c", image, command: ["sleep", "1000"], ...options });
}

async function output(container: Container, script: string): Promise<string> {
  const { stdout, stderr, exitCode } = await container.shell(script);
  strictEqual(exitCode, 0, `${script}: ${stderr}`);
  return stdout;
}

/** The first process of a pod's PID namespace, as the host sees it. */
function firstProcessOf(pod: Pod): number {
  const all = findProcesses(/^kuasar-pause$/, "");
  const own = all.filter((pid) => Deno.readTextFileSync(`/proc/${pid}/cgroup`).includes(pod.id));
  strictEqual(own.length, 1, `one of ${all} is in a cgroup of pod ${pod.id}`);
  return own[0]!;
}

e2eInside("the first process of a shared PID namespace shows nothing of the host", node, async (node) => {
  const pod = await node.runPod({ name: "first", sharePid: true });
  // As `kubectl debug --profile=general` makes one.
  const container = await sleeper(node, pod, { addCapabilities: ["SYS_PTRACE"] });
  // Under gVisor it is our agent in a read-only root, which the host's mounts are not in.
  if (driver !== "gvisor") strictEqual(await output(container, "ls -A /proc/1/root/ 2>/dev/null"), "");
  strictEqual((await container.shell("mkdir /proc/1/root/x")).exitCode === 0, false);
  match(await output(container, "cat /proc/1/status"), /^CapEff:\s*0+$/m);
  const seen = await output(
    container,
    "cat /proc/[0-9]*/cmdline; cat /proc/1/environ; readlink /proc/1/exe; true",
  );
  for (const path of [node.runDir, buildDir]) ok(!seen.includes(path), `${path} is in: ${seen}`);
  await pod.remove();
});

e2eOurs("the first process of a shared PID namespace reaps", node, async (node) => {
  const pod = await node.runPod({ name: "reaps", sharePid: true });
  const container = await sleeper(node, pod);
  // Handed to the first process when the shell ends.
  const orphan = (await output(container, "sleep 0.2 >/dev/null 2>&1 & echo $!")).trim();
  await output(container, `while [ -e /proc/${orphan} ]; do sleep 0.05; done`);
  await pod.remove();
});

if (inNamespaces) {
  e2eHost("the first process of a PID namespace is the pod's and has no rights", node, async (node) => {
    const pod = await node.runPod({ name: "pods", sharePid: true });
    const container = await sleeper(node, pod);
    const pid = firstProcessOf(pod);
    const read = (name: string) => Deno.readTextFileSync(`/proc/${pid}/${name}`);
    const status = read("status");
    for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) {
      match(status, new RegExp(`^${set}:\\s*0+$`, "m"));
    }
    match(status, /^Uid:\t65535\t65535\t65535\t65535$/m);
    match(status, /^Gid:\t65535\t65535\t65535\t65535$/m);
    match(status, /^NoNewPrivs:\t1$/m);
    match(status, /^Seccomp:\t2$/m);
    deepStrictEqual([...Deno.readDirSync(`/proc/${pid}/fd`)], []);
    deepStrictEqual([...Deno.readDirSync(`/proc/${pid}/root`)], []);
    strictEqual(read("mountinfo").trim().split("\n").length, 1);
    strictEqual(Number(read("oom_score_adj")), allowedOomScoreAdj(-998), "as containerd's has it");
    // Nobody has to be there for it, or for who joins its namespace.
    await killAndWait(node, services.at(-1)!);
    await killAndWait(node, "sandboxer");
    strictEqual(firstProcessOf(pod), pid);
    strictEqual((await container.shell("echo 1")).stdout, "1\n");
    await (await sleeper(node, pod, { name: "later" })).exec(["true"]);
    ok(await pod.isReady());
    await pod.remove();
  });
}

e2eInside("an exec without streams is given none of the host's files", node, async (node) => {
  const pod = await node.runPod({ name: "null" });
  const container = await sleeper(node, pod, { runAsUser: 4242 });
  const shown = "stat -L -c '%F %d:%i' /proc/self/fd/0";
  const stat = () => {
    const { dev, ino, uid, gid, mode } = Deno.statSync("/dev/null");
    return { dev, ino, uid, gid, mode };
  };
  const before = stat();
  const first = (await output(container, shown)).trim();
  deepStrictEqual(stat(), before, "nobody has changed the host's device");
  match(first, /^character special file /);
  const place = first.split(" ").at(-1);
  ok(place !== `${before.dev}:${before.ino}`, `${first} is not the host's`);
  ok(!(await output(container, shown)).includes(place!), "nor that of another");
  strictEqual((await container.shell("cat")).exitCode, 0);
  await pod.remove();
});

e2eHost("the files of a pod have room for no more than they are worth", node, async (node) => {
  const pod = await node.runPod({ name: "files" });
  const container = await sleeper(node, pod, { memoryLimitBytes: 64 * MIB });
  for (const name of ["resolv.conf", "hosts", "hostname"]) {
    const { exitCode, stderr } = await container.shell(`dd if=/dev/zero of=/etc/${name} bs=1M count=1`);
    ok(exitCode !== 0, `/etc/${name} has taken 1 MiB`);
    match(stderr, /No space left on device/);
    await output(container, `echo written > /etc/${name}`);
  }
  const files = `${node.runDir}/driver-${driver}/${pod.id}/files`;
  ok(Deno.statSync(files).dev !== Deno.statSync(node.runDir).dev, "the run directory is as large as it was");
  // Those of a service that is killed are there, and go with the pod.
  await killAndWait(node, services.at(-1)!);
  strictEqual(await output(container, "cat /etc/hosts"), "written\n");
  const later = await sleeper(node, pod, { name: "later" });
  strictEqual(await output(later, "cat /etc/hosts"), "written\n", "they are the pod's");
  await pod.remove();
});

const COPY_TEST = "a client that copies through the root of a task's pid meets none of the host's files";
const program = driver === undefined ? undefined : await programUnderTest(driver);
if (program?.isStandIn) {
  console.log(
    `skipped: "${COPY_TEST}" with ${program.what}: it is a script of ours and keeps the host's root`,
  );
} else if (driver !== undefined && driver !== "quark") {
  // Quark's program sees the host, which docs/security.md says.
  e2eOurs(
    COPY_TEST,
    node,
    async (node) => {
      const pod = await node.runPod({ name: "copy" });
      const container = await sleeper(node, pod);
      const pid = await toldPid(node.ctr(), container.id);
      ok(pid > 0, "containerd tells a pid");
      const host = await Deno.makeTempDir({ dir: node.runDir, prefix: "copy-" });
      const [secret, letter] = [`secret-${crypto.randomUUID()}`, `letter-${crypto.randomUUID()}`];
      await Deno.writeTextFile(`${host}/${secret}`, "of the host");
      await Deno.writeTextFile(`${host}/${letter}`, "to the container");
      await Deno.mkdir(`${host}/out`);
      // Out of a folder that the host has and the container has not.
      const out = await copyOut(pid, host, secret, `${host}/out`);
      ok(out.code !== 0, "a file of the host was read");
      deepStrictEqual([...Deno.readDirSync(`${host}/out`)], []);
      for (const dir of ["/", "/tmp", host]) {
        const { code, stderr } = await copyIn(host, letter, pid, dir);
        // Where it is a container's root, it is copied into the container.
        const arrived = (await container.shell(`cat '${dir}/${letter}'`)).exitCode === 0;
        strictEqual(code === 0, arrived, `${dir}: ${stderr}`);
        if (underVm) match(stderr, /Read-only file system|No such file or directory/, dir);
        if (dir !== host) ok(!exists(`${dir}/${letter}`), `${dir}/${letter} was made on the host`);
      }
      deepStrictEqual(
        [...Deno.readDirSync(host)].map(({ name }) => name).toSorted(),
        [letter, "out", secret].toSorted(),
      );
      await Deno.remove(host, { recursive: true });
      await pod.remove();
    },
  );
}

e2eInside("what is in a container's variables is in no command line", node, async (node) => {
  const pod = await node.runPod({ name: "secret" });
  const secret = `secret-${crypto.randomUUID()}`;
  const seen = await commandLinesWith(secret, async () => {
    const container = await sleeper(node, pod, { env: { SECRET: secret } });
    strictEqual(await output(container, 'echo "$SECRET"'), `${secret}\n`);
  });
  deepStrictEqual(seen, []);
  await pod.remove();
});
