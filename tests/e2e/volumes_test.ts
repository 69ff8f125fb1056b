/**
 * One volume is one file system to all containers of a pod, whatever of it each one has: sockets, locks and events of one are
 * the others' too. What is written is read, also by the host, and what is appended stays.
 */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { mount } from "../../lib/libc/mod.ts";
import { unmountBelow } from "../../lib/mounts/mod.ts";
import type { Container, Node } from "../harness/mod.ts";
import { staticProgram } from "../harness/static_program.ts";
import { e2eMountsBelow, e2eShared, useNode } from "./fixture.ts";

const node = useNode();

const PROBE = "/probe/file_probe";

/** What a volume is on the host: a kubelet's emptyDir on disk or in memory, or any directory. */
type Kind = "disk" | "memory" | "host";

/** Runs a shell line that must succeed. @returns what it prints */
async function run(container: Container, line: string): Promise<string> {
  const { stdout, stderr, exitCode } = await container.shell(line, 120);
  strictEqual(exitCode, 0, `${line}: ${stdout}${stderr}`);
  return stdout;
}

/** Starts the probe in the background; returns when it has said its first line, which is checked. */
async function begin(container: Container, args: string, says: string, output: string): Promise<void> {
  const background = `(sleep 1000 | ${PROBE} ${args}) </dev/null >${output} 2>&1 &`;
  const line = `${background} until grep -q . ${output}; do sleep 0.1; done; cat ${output}`;
  strictEqual(await run(container, line), `${says}\n`);
}

/** Makes a pod with volumes of each kind, and a directory below each, that two containers can mount. */
class Volumes implements AsyncDisposable {
  readonly dir: string;
  readonly #node: Node;

  constructor(node: Node, name: string) {
    this.#node = node;
    this.dir = `${node.runDir}/${name}`;
    for (const kind of ["disk", "memory", "host"] as const) {
      const path = this.path(kind);
      Deno.mkdirSync(path, { recursive: true });
      if (kind === "memory") mount({ source: "tmpfs", target: path, type: "tmpfs" });
      Deno.mkdirSync(`${path}/sub`);
    }
  }

  path(kind: Kind): string {
    if (kind === "host") return `${this.dir}/host`;
    return `${this.dir}/pods/p/volumes/kubernetes.io~empty-dir/${kind}`;
  }

  async pair(a: readonly string[][], b: readonly string[][]) {
    const program = await staticProgram("file_probe");
    const probe = {
      containerPath: "/probe",
      hostPath: program.slice(0, program.lastIndexOf("/")),
      readonly: true,
    };
    const pod = await this.#node.runPod({ name: this.dir.slice(this.dir.lastIndexOf("/") + 1) });
    const image = await this.#node.image("busybox");
    const start = (name: string, mounts: readonly string[][]) =>
      pod.run({
        name,
        image,
        command: ["sleep", "1000"],
        mounts: [
          probe,
          ...mounts.map(([containerPath, hostPath, mode]) => ({
            containerPath: containerPath!,
            hostPath: hostPath!,
            readonly: mode === "ro",
          })),
        ],
      });
    return { pod, a: await start("a", a), b: await start("b", b) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    unmountBelow(this.path("memory"));
    await Deno.remove(this.dir, { recursive: true });
  }
}

/** One container listens, locks and writes at `at`; what the other one sees at `seen`, which is the same directory. */
async function checkShared(a: Container, at: string, b: Container, seen: string): Promise<void> {
  const name = `${at}${seen}`.replaceAll("/", "-");
  await begin(a, `listen ${at}/${name}.sock`, "listening", `/tmp/listen${name}`);
  strictEqual(await run(b, `${PROBE} connect ${seen}/${name}.sock`), "hello\n", `${at} is ${seen}: a socket`);
  await begin(a, `lock ${at}/${name}.lock`, "locked", `/tmp/lock${name}`);
  const { stdout } = await b.exec([PROBE, "try-lock", `${seen}/${name}.lock`]);
  strictEqual(stdout, "flock: EAGAIN\n", `${at} is ${seen}: a lock`);
  await begin(b, `watch ${seen}`, "watching", `/tmp/watch${name}`);
  await run(a, `touch ${at}/${name}.1 ${at}/${name}.2`);
  const events = await run(
    b,
    `until [ $(wc -l </tmp/watch${name}) -ge 3 ]; do sleep 0.1; done; cat /tmp/watch${name}`,
  );
  deepStrictEqual(events, `watching\n${name}.1\n${name}.2\n`, `${at} is ${seen}: events`);
}

e2eShared("a volume is one file system to the containers of a pod", node, async (node) => {
  await using volumes = new Volumes(node, "one");
  const [disk, memory, host] = [volumes.path("disk"), volumes.path("memory"), volumes.path("host")];
  const { pod, a, b } = await volumes.pair(
    [["/disk", disk], ["/memory", memory], ["/host", host], ["/again", host]],
    [["/disk", disk], ["/memory", memory], ["/host", host]],
  );
  for (const at of ["/disk", "/memory", "/host"]) await checkShared(a, at, b, at);
  await checkShared(a, "/host", a, "/again");
  await pod.remove();
});

e2eMountsBelow("a part of a volume is a part of that file system", node, async (node) => {
  await using volumes = new Volumes(node, "part");
  const [disk, memory, host] = [volumes.path("disk"), volumes.path("memory"), volumes.path("host")];
  // An emptyDir is the pod's whoever has the first part of it; what else a pod may see it is told container by container.
  const { pod, a, b } = await volumes.pair(
    [["/disk-sub", `${disk}/sub`], ["/memory-sub", `${memory}/sub`], ["/host", host]],
    [["/disk", disk], ["/memory", memory], ["/host-sub", `${host}/sub`], ["/read", host, "ro"]],
  );
  await checkShared(a, "/disk-sub", b, "/disk/sub");
  await checkShared(a, "/memory-sub", b, "/memory/sub");
  await checkShared(a, "/host/sub", b, "/host-sub");
  await begin(b, "watch /read/sub", "watching", "/tmp/read");
  await run(a, "touch /host/sub/1 /host/sub/2");
  strictEqual(
    await run(b, "until [ $(wc -l </tmp/read) -ge 3 ]; do sleep 0.1; done; cat /tmp/read"),
    "watching\n1\n2\n",
  );
  strictEqual((await b.shell("touch /read/sub/3")).exitCode, 1);
  await pod.remove();
});

e2eShared("what is appended from several sides stays", node, async (node) => {
  await using volumes = new Volumes(node, "append");
  const host = volumes.path("host");
  const { pod, a, b } = await volumes.pair([["/v", host]], [["/v", host]]);
  const lines = 150;
  const loop = (name: string, file: string, kept: boolean) =>
    kept
      ? `exec 3>>${file}; i=0; while [ $i -lt ${lines} ]; do echo ${name} $i >&3; i=$((i+1)); done`
      : `i=0; while [ $i -lt ${lines} ]; do echo ${name} $i >>${file}; i=$((i+1)); done`;
  for (const kept of [false, true]) {
    const file = kept ? "kept" : "each";
    const byHost = (async () => {
      using log = Deno.openSync(`${host}/${file}`, { append: true, create: true });
      for (let i = 0; i < lines; i++) {
        log.writeSync(new TextEncoder().encode(`host ${i}\n`));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    await Promise.all([run(a, loop("a", `/v/${file}`, kept)), run(b, loop("b", `/v/${file}`, kept)), byHost]);
    const expected = ["a", "b", "host"].flatMap((name) =>
      Array.from({ length: lines }, (_, i) => `${name} ${i}`)
    );
    const found = (await Deno.readTextFile(`${host}/${file}`)).trimEnd().split("\n");
    deepStrictEqual(found.toSorted(), expected.toSorted(), `on the host, ${file}`);
    // For a second a guest may know the length that the file had.
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    deepStrictEqual((await run(b, `cat /v/${file}`)).trimEnd().split("\n").toSorted(), expected.toSorted());
  }
  await pod.remove();
});

e2eShared(
  "what the host and a neighbour write is read, also by who has the file open",
  node,
  async (node) => {
    await using volumes = new Volumes(node, "read");
    const host = volumes.path("host");
    await Deno.writeTextFile(`${host}/log`, "0\n");
    await Deno.writeTextFile(`${host}/text`, "old text, and long\n");
    const { pod, a, b } = await volumes.pair([["/v", host]], [["/v", host]]);
    await run(
      a,
      "(tail -f -n +1 /v/log >/tmp/log) </dev/null >/dev/null 2>&1 & (sleep 1000 3</v/text) </dev/null >/dev/null 2>&1 &",
    );
    for (let i = 1; i <= 40; i++) {
      await Deno.writeTextFile(`${host}/log`, `${i}\n`, { append: true });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const expected = Array.from({ length: 41 }, (_, i) => `${i}\n`).join("");
    strictEqual(
      await run(a, "until [ $(wc -l </tmp/log) -ge 41 ]; do sleep 0.1; done; cat /tmp/log"),
      expected,
    );
    strictEqual(await run(b, "cat /v/log"), expected);
    await Deno.writeTextFile(`${host}/text`, "new\n");
    // A guest may take a second to ask the host again how long a file is.
    strictEqual(await run(a, "until [ $(wc -c </v/text) -eq 4 ]; do sleep 0.1; done; cat /v/text"), "new\n");
    await run(b, "echo newer >/v/text");
    strictEqual(await run(a, "cat /v/text"), "newer\n");
    strictEqual(await Deno.readTextFile(`${host}/text`), "newer\n");
    await pod.remove();
  },
);

e2eShared("files do what POSIX says, in the root file system and in volumes", node, async (node) => {
  await using volumes = new Volumes(node, "posix");
  const mounts = [["/disk", volumes.path("disk")], ["/memory", volumes.path("memory")], [
    "/host",
    volumes.path("host"),
  ]];
  const { pod, a } = await volumes.pair(mounts, []);
  for (const dir of ["/root", "/disk", "/memory", "/host"]) {
    strictEqual(await run(a, `${PROBE} unlinked ${dir}/file`), "0123 4 640 7:8 0\n", dir);
    strictEqual(await run(a, `${PROBE} map ${dir}/map && head -c 7 ${dir}/map`), "mapped\nmapped\n", dir);
    // A program that has come into a volume runs there.
    strictEqual(await run(a, `cp /bin/busybox ${dir}/ && ${dir}/busybox echo runs`), "runs\n", dir);
  }
  await pod.remove();
});
