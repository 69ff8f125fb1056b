import { fileURLToPath } from "node:url";
import { root } from "../../lib/build/mod.ts";
import { readMountinfo } from "../../lib/mounts/mod.ts";
import { type SpawnedProcess, spawnWithFds } from "../../lib/process/mod.ts";

const ENTER = fileURLToPath(new URL("enter.sh", import.meta.url));
const SYSTEMD = "/lib/systemd/systemd";

/** How long systemd may take until it answers. */
const BOOT_TIMEOUT_MS = 120_000;
const STEP_MS = 100;

/** Why no machine can be started here; undefined where one can. */
export function obstacle(): string | undefined {
  if (Deno.uid() !== 0) return "not root";
  try {
    Deno.statSync(SYSTEMD);
    return undefined;
  } catch {
    return `${SYSTEMD} is not installed`;
  }
}

/** systemd as PID 1 of namespaces of its own, on files that are thrown away. */
export class SystemdMachine {
  readonly #process: SpawnedProcess;
  readonly #cgroups: readonly string[];
  /** On the host. */
  readonly pid: number;

  private constructor(process: SpawnedProcess, cgroups: readonly string[], pid: number) {
    this.#process = process;
    this.#cgroups = cgroups;
    this.pid = pid;
  }

  /**
   * Boots into a unit.
   *
   * @param base an empty folder but for `stage`, whose files are put over the machine's
   * @param rootfs the machine's files, in place of the host's and without the checkout
   */
  static async boot(base: string, target: string, rootfs?: string): Promise<SystemdMachine> {
    for (const folder of ["root", "cow"]) Deno.mkdirSync(`${base}/${folder}`);
    const cgroups = makeCgroups(`kuasar-systemd-${Deno.pid}`);
    const namespaces = ["--fork", "--kill-child", "--pid", "--mount", "--net", "--cgroup"];
    const args = [...namespaces, ENTER, base, root, target, ...rootfs === undefined ? [] : [rootfs]];
    const log = `${base}/systemd.log`;
    const child = await spawnWithFds("/usr/bin/unshare", args, { cgroups, stdoutFile: log, stderrFile: log });
    const machine = new SystemdMachine(child, cgroups, await childOf(child.pid));
    try {
      await machine.#booted(log);
      return machine;
    } catch (error) {
      await machine.stop();
      throw error;
    }
  }

  /** A path of the machine as the host reaches it. */
  path(path: string): string {
    return `/proc/${this.pid}/root${path}`;
  }

  /** Runs a command in the machine. */
  async run(...command: string[]): Promise<{ code: number; text: string }> {
    // Root and working directory are no namespaces.
    const args = ["--all", "--root", "--wd", "--target", String(this.pid), ...command];
    const { code, stdout, stderr } = await new Deno.Command("nsenter", { args }).output();
    return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
  }

  /** Ends it with everything in it. */
  async stop(): Promise<void> {
    // The kernel ends all other processes of a PID namespace with its first.
    try {
      Deno.kill(this.pid, "SIGKILL");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    await this.#process.exited;
    for (const folder of this.#cgroups) await removeTree(folder);
  }

  async #booted(log: string): Promise<void> {
    for (let waitedMs = 0; waitedMs < BOOT_TIMEOUT_MS; waitedMs += STEP_MS) {
      if (/^(running|degraded|starting)/.test((await this.run("systemctl", "is-system-running")).text)) {
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, STEP_MS));
    }
    throw new Error(`systemd does not answer:\n${await Deno.readTextFile(log)}`);
  }
}

/** The one child of a process, as soon as there is one. */
async function childOf(pid: number): Promise<number> {
  for (let waitedMs = 0; waitedMs < BOOT_TIMEOUT_MS; waitedMs += STEP_MS) {
    const [child] = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).split(" ");
    if (child) return Number(child);
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
  throw new Error(`process ${pid} has no child`);
}

/** A cgroup in every hierarchy, which becomes the root of those that systemd makes. */
function makeCgroups(name: string): string[] {
  const trees = readMountinfo().filter(({ fsType, superOptions }) =>
    // cpuset takes no process before it has been given CPUs.
    fsType === "cgroup2" || fsType === "cgroup" && !superOptions.includes("cpuset")
  );
  return [...new Set(trees.map(({ mountPoint }) => `${mountPoint}/${name}`))].map((folder) => {
    Deno.mkdirSync(folder, { recursive: true });
    return folder;
  });
}

/** Removes a cgroup with those below it; processes that were killed leave a moment later. */
async function removeTree(folder: string): Promise<void> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) await removeTree(`${folder}/${name}`);
  }
  for (let attempt = 1;; attempt++) {
    try {
      return Deno.removeSync(folder);
    } catch (error) {
      if (attempt === 50) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
}
