import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { prepareContainerd } from "../../deploy/containerd/mod.ts";
import { type DriverDeployment, driverOfHandler } from "../../deploy/drivers.ts";
import { leftovers } from "../../deploy/leftovers.ts";
import { nodePrograms } from "../../deploy/programs.ts";
import { waitForServices } from "../../deploy/services_ready.ts";
import { containerdSpec, Supervisor } from "../../deploy/supervisor/mod.ts";
import { root } from "../../lib/build/mod.ts";
import { connectCri, podConfig, waitForCri } from "../../lib/cri/mod.ts";
import { Ctr, Pod } from "../harness/mod.ts";
import { unitProcesses } from "../harness/unit_processes.ts";
import { comparing, handlerUnderTest, imageArchive } from "./fixture.ts";

const RUN_DIR = "/run/ktinst";
const TIMEOUT_MS = 30_000;

interface Output {
  code: number;
  text: string;
}

async function call(program: string, args: readonly string[]): Promise<Output> {
  const { code, stdout, stderr } = await new Deno.Command(program, { args: [...args] }).output();
  return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

/** `deno task install` into folders below `base`. */
function installer(base: string, ...args: string[]): Promise<Output> {
  const folders = ["--prefix", `${base}/usr`, "--state-dir", `${base}/state`, "--etc-dir", `${base}/etc`];
  return call(Deno.execPath(), [
    ...["run", "-A", "--no-check", "--quiet", `${root}/deploy/install/main.ts`, "--no-setup"],
    ...[...folders, "--cache-dir", `${base}/cache`, "--run-dir", RUN_DIR, ...args],
  ]);
}

/** Drop-ins for a host whose programs are not where packages put them. */
function writeDropIns(base: string, driver: DriverDeployment): string[] {
  const programs = nodePrograms();
  const [tools, state] = [{ ...programs.tools }, `${base}/state`];
  const files: [string, string][] = [
    [
      `${state}/${driver.configFile}.d/50-host.toml`,
      driver.configuration({
        tools,
        agent: `${base}/usr/lib/kuasar/agent`,
        kernel: `${state}/vmlinux.bin`,
        bzImage: `${state}/vmlinuz`,
        initrd: `${state}/kuasar.initrd`,
        image: `${state}/kuasar.img`,
        memoryMib: 256,
      }),
    ],
    [`${state}/storage.toml.d/50-host.toml`, `[virtiofsd]\npath = "${programs.virtiofsd}"\n`],
  ];
  for (const [path, text] of files) Deno.writeTextFileSync(path, text);
  return files.map(([path]) => path);
}

function tree(dir: string): string[] {
  return [...Deno.readDirSync(dir)].flatMap(({ name, isDirectory }) => [
    `${dir}/${name}`,
    ...isDirectory ? tree(`${dir}/${name}`) : [],
  ]);
}

/** Runs a pod on the containerd at `address` and says what its container printed. */
async function runPod(address: string, handler: string, ctl: string): Promise<string> {
  const cri = connectCri(address);
  try {
    const config = podConfig({ name: "installed", hostname: "installed" });
    const request = { config, runtimeHandler: handler };
    const { podSandboxId } = await cri.runtime.runPodSandbox(request, { timeoutMs: 120_000 });
    const pod = new Pod(cri, podSandboxId, config);
    try {
      const image = "docker.io/library/busybox:kuasar";
      const container = await pod.run({ name: "c", image, command: ["sleep", "1000"] });
      const { stdout } = await container.shell("hostname");
      const list = await call(ctl, ["list", "--run-dir", RUN_DIR]);
      ok(list.text.includes(podSandboxId.slice(0, 12)), list.text);
      return stdout;
    } finally {
      await pod.remove();
    }
  } finally {
    cri.close();
  }
}

Deno.test({
  name: "what is installed runs a pod by its own units, and is gone when it is uninstalled",
  ignore: comparing,
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    const base = await Deno.makeTempDir({ prefix: "kinst-" });
    const driver = driverOfHandler(handlerUnderTest())!;
    const lines: string[] = [];
    let supervisor: Supervisor | undefined;
    try {
      const first = await installer(base);
      strictEqual(first.code, 0, first.text);
      match((await installer(base)).text, /^0 paths changed/m);
      const dropIns = writeDropIns(base, driver);

      const programs = nodePrograms();
      const containerd = await prepareContainerd({
        runDir: RUN_DIR,
        programs: { ...programs, path: [`${base}/usr/bin`, ...programs.path ?? []] },
        sandboxerSocket: `${RUN_DIR}/sandboxer.sock`,
        imports: [`${base}/etc/containerd/conf.d/*.toml`],
      });
      const ttrpc = ["--containerd-ttrpc", `${containerd.address}.ttrpc`];
      supervisor = await Supervisor.start({
        runDir: RUN_DIR,
        specs: [
          ...unitProcesses(`${base}/usr/lib/systemd/system`, { "kuasar-task": ttrpc }),
          containerdSpec(containerd),
        ],
        onLine: (name, line) => void lines.push(`${name} | ${line}`),
      });
      await waitForCri(containerd.address, TIMEOUT_MS);
      await waitForServices(RUN_DIR, [], TIMEOUT_MS);
      const ctr = new Ctr(programs.ctr, containerd.address, "k8s.io");
      await ctr.run(["images", "import", "--local", imageArchive("busybox")]);
      const ctl = `${base}/usr/bin/kuasar-ctl`;
      strictEqual(await runPod(containerd.address, handlerUnderTest(), ctl), "installed\n");

      const early = await installer(base, "--uninstall");
      strictEqual(early.code, 1);
      match(early.text, /processes of it run/);
      await supervisor.stop();
      supervisor = undefined;
      for (const path of dropIns) await Deno.remove(path);
      const last = await installer(base, "--uninstall");
      strictEqual(last.code, 0, last.text);
      deepStrictEqual(tree(base), []);
      deepStrictEqual(leftovers(RUN_DIR), []);
    } catch (error) {
      console.error(lines.slice(-80).join("\n"));
      throw error;
    } finally {
      await supervisor?.stop();
      for (const path of [base, RUN_DIR]) {
        await Deno.remove(path, { recursive: true }).catch(() => {});
      }
    }
  },
});
