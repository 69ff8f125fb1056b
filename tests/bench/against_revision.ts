/**
 * `deno task bench --against REV`: this tree against another revision of it, each as its own `deno task start` in turns on one
 * host. What claims to be quicker is measured by this, and what claims to cost nothing.
 */
import { nodePrograms } from "../../deploy/programs.ts";
import { setup } from "../../deploy/setup.ts";
import { readLines } from "../../deploy/supervisor/lines.ts";
import { buildDir, capture, root, run } from "../../lib/build/mod.ts";
import { connectCri, type Cri, message, podConfig } from "../../lib/cri/mod.ts";
import { asKuasarError, KuasarError } from "../../lib/errors/mod.ts";
import { onEnding } from "../../lib/process/mod.ts";
import { ListImagesRequest } from "../../lib/proto/gen/runtime/v1/cri.ts";
import { findProcesses, Pod } from "../harness/mod.ts";
import { Contestant, LATENCIES, Results } from "./contestant.ts";
import { memoryOf } from "./memory.ts";
import { type Comparison, comparisonTable } from "./table.ts";

/** Noise of a host that does nothing else, and what a guard may cost. */
const AIM = { share: 1.05 };

const POD_TIMEOUT_MS = 300_000;
const READY_TIMEOUT_MS = 1_800_000;

/** Where other revisions are, each with its own `build`. */
const PLACE = `${buildDir}/against`;

/** What both trees take from Debian and from registries: never fetched twice. Whatever differs is made again. */
const SHARED_BUILD = ["apt", "cache", "guest", "host", "image", "images", "kernel", "programs", "sysroot"];

const say = (text: string) => console.error(`bench: ${text}`);

/** A tree of a revision, made where there is none yet. @returns its path */
async function checkout(revision: string): Promise<string> {
  const commit = await resolve(revision);
  const tree = `${PLACE}/${commit.slice(0, 12)}`;
  await Deno.mkdir(PLACE, { recursive: true });
  const log = `${PLACE}/build.log`;
  const exists = await Deno.stat(`${tree}/deno.json`).then(() => true, () => false);
  if (!exists) {
    say(`${revision}: ${tree}`);
    await run("git", ["-C", root, "worktree", "prune"], { log });
    await run("git", ["-C", root, "worktree", "add", "--detach", tree, commit], { log });
    await Deno.mkdir(`${tree}/build`);
    for (const part of SHARED_BUILD) {
      const from = `${buildDir}/${part}`;
      if (await Deno.stat(from).then(() => true, () => false)) {
        await run("cp", ["-a", "--reflink=auto", from, `${tree}/build/`], { log });
      }
    }
    // Programs of the host know where they lie.
    await Deno.remove(`${tree}/build/host/.inputs`).catch(() => {});
  }
  say(`${revision}: setting up`);
  await run(Deno.execPath(), ["task", "setup"], {
    cwd: tree,
    log,
    onOutput: (chunk) => Deno.stderr.writeSync(chunk),
  });
  return tree;
}

async function resolve(revision: string): Promise<string> {
  try {
    return (await capture("git", ["-C", root, "rev-parse", "--verify", `${revision}^{commit}`])).trim();
  } catch (cause) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot compare with ${revision}: no commit of this repository is called so`,
      { cause },
    );
  }
}

/** A tree's whole set, as its `deno task start` runs it. */
class Running {
  readonly runDir: string;
  readonly cri: Cri;
  readonly #child: Deno.ChildProcess;

  private constructor(runDir: string, address: string, child: Deno.ChildProcess) {
    this.runDir = runDir;
    this.cri = connectCri(address, { timeoutMs: POD_TIMEOUT_MS });
    this.#child = child;
  }

  /** @throws KuasarError UNAVAILABLE with what it has written */
  static async start(tree: string, runDir: string): Promise<Running> {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["task", "start", "--run-dir", runDir, "--log-level", "warn"],
      cwd: tree,
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const forget = onEnding(async () => {
      child.kill("SIGTERM");
      await child.status;
    });
    const told: string[] = [];
    const ready = Promise.withResolvers<string>();
    void readLines(child.stdout, (line) => {
      told.push(line);
      if (told.length > 50) told.shift();
      const address = /Ready\. .* at unix:\/\/(\S+);/.exec(line)?.[1];
      if (address) ready.resolve(address);
    }).finally(() =>
      ready.reject(new KuasarError("UNAVAILABLE", `Cannot run ${tree}: it has ended`, { evidence: told }))
    );
    void child.status.then(forget);
    const late = setTimeout(
      () => ready.reject(new KuasarError("DEADLINE_EXCEEDED", `Cannot run ${tree}: it does not get ready`)),
      READY_TIMEOUT_MS,
    );
    try {
      return new Running(runDir, await ready.promise, child);
    } catch (error) {
      child.kill("SIGTERM");
      throw error;
    } finally {
      clearTimeout(late);
    }
  }

  async importImage(ctr: string, path: string): Promise<string> {
    const address = `${this.runDir}/containerd/containerd.sock`;
    await capture(ctr, ["--address", address, "--namespace", "k8s.io", "images", "import", "--local", path]);
    const { images } = await this.cri.images.listImages(message(ListImagesRequest));
    return images.flatMap(({ repoTags }) => repoTags)[0]!;
  }

  contestant(side: string, handler: string, image: string, results: Results): Contestant {
    return new Contestant(side, image, results, async (options) => {
      const logDirectory = `${this.runDir}/logs/${options.name}`;
      await Deno.mkdir(logDirectory, { recursive: true });
      const config = podConfig({ ...options, logDirectory });
      const { podSandboxId } = await this.cri.runtime.runPodSandbox({ config, runtimeHandler: handler });
      return new Pod(this.cri, podSandboxId, config);
    });
  }

  /** Proportional memory of our services in MiB. */
  async memory(): Promise<number> {
    const pids = findProcesses(/^(?:deno|kuasar)/, this.runDir);
    const all = await Promise.all(pids.map(memoryOf));
    return all.reduce((sum, { proportionalKib }) => sum + proportionalKib, 0) / 1024;
  }

  async stop(): Promise<void> {
    this.cri.close();
    this.#child.kill("SIGTERM");
    await this.#child.status;
  }
}

/**
 * Both trees' pods, in turns.
 *
 * @param revision anything that git takes for a commit
 * @param handlers whose pods are measured
 * @returns the table, as Markdown
 * @throws KuasarError INVALID_ARGUMENT for no commit, INTERNAL where the other tree cannot be set up, UNAVAILABLE
 */
export async function againstRevision(
  revision: string,
  handlers: readonly string[],
  rounds: number,
): Promise<string> {
  await setup();
  const tree = await checkout(revision);
  const sides = [{ name: "this", tree: root }, { name: "that", tree }];
  const results = new Results("this", "that");
  const running: Running[] = [];
  try {
    for (const [i, side] of sides.entries()) {
      running.push(await Running.start(side.tree, `/run/kb${Deno.pid % 100_000}${"ab"[i]}`));
    }
    const { ctr } = nodePrograms();
    const images = await Promise.all(
      running.map((one) => one.importImage(ctr, `${buildDir}/images/busybox.tar`)),
    );
    const measured = [];
    for (const handler of handlers) {
      say(handler);
      const contestants = running.map((one, i) =>
        one.contestant(sides[i]!.name, handler, images[i]!, results)
      );
      try {
        // The first pod of a kind waits for its driver.
        for (const one of contestants) await (await one.pod("warm")).remove();
        for (let round = 0; round < rounds; round++) {
          for (const one of round % 2 ? contestants.toReversed() : contestants) {
            await one.life(round, `${handler}: `, false);
          }
        }
        measured.push(handler);
      } catch (error) {
        say(`${handler} cannot be compared: ${asKuasarError(error).message}`);
      }
    }
    for (const [i, one] of running.entries()) {
      results.add("all services and what pods have left, proportional", sides[i]!.name, await one.memory());
    }
    return comparisonTable([
      ...measured.flatMap((handler) => latencyRows(results, handler)),
      results.row("all services and what pods have left, proportional", "MiB", AIM),
    ]);
  } finally {
    for (const one of running) await one.stop();
    for (const { runDir } of running) await Deno.remove(runDir, { recursive: true }).catch(() => {});
  }
}

function latencyRows(results: Results, handler: string): Comparison[] {
  return LATENCIES.map((what) => `${handler}: ${what}`)
    .filter((what) => results.measurements.includes(what))
    .map((what) => results.row(what, "ms", AIM));
}
