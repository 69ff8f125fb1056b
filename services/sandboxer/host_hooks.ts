import { asKuasarError, formatDuration, KuasarError } from "../../lib/errors/mod.ts";
import type { Spec } from "../../lib/oci/mod.ts";
import { killOnAbort, spawnWithFds } from "../../lib/process/mod.ts";
import type { Context } from "./context.ts";
import { CREATE_HOOKS, type Hook, hooksIn, STOP_HOOKS } from "./hook_spec.ts";
import { readSpec } from "./read_spec.ts";
import type { Sandbox } from "./sandbox.ts";

/** For a hook that names no time: a Create must not wait for ever. */
const HOOK_TIMEOUT_MS = 30_000;

const STDERR_CHARACTERS = 4096;
/** For what a hook that has ended wrote last to arrive. */
const STDERR_OPEN_MS = 200;

/** By this annotation nerdctl's hooks know the network namespace of a container whose process is in another (as under Kata). */
const NETNS_ANNOTATION = "nerdctl/network-namespace";

/**
 * Runs the hooks of the container that a sandbox is made for, which has a kernel of its own: no OCI runtime on the host does.
 *
 * They are how nerdctl brings a container into its networks, so they run when the network namespace is there and nobody has
 * looked at it yet. They may look for that namespace by a process, as the specification has it; a process is kept
 * in it as long as they run.
 *
 * @throws KuasarError INVALID_ARGUMENT for hooks that are none, ABORTED where one fails
 */
export async function runCreateHooks(
  { log }: Context,
  sandbox: Sandbox,
  signal: AbortSignal,
): Promise<void> {
  const { id, bundle, netnsPath } = sandbox.record;
  if (bundle === undefined) return;
  const spec = readSpec(bundle);
  const hooks = hooksIn(spec, CREATE_HOOKS);
  if (hooks.length + hooksIn(spec, STOP_HOOKS).length === 0) return;
  // Before the first of them: what they have made has to be taken away by the others.
  sandbox.update({ hooked: true });
  const holder = await spawnWithFds("sleep", ["infinity"], netnsPath === "" ? {} : { netns: netnsPath });
  try {
    const state = stateOf(spec, { id, bundle, netnsPath }, "creating", holder.pid);
    for (const hook of hooks) await runHook(hook, bundle, state, signal);
  } finally {
    Deno.kill(holder.pid, "SIGKILL");
    await holder.exited;
  }
  log.debug("Hooks have run", { sandbox: id, hooks: hooks.map(({ path }) => path) });
}

/** Runs the hooks of a container's end; one that fails is logged and keeps nothing from going, as the specification asks. */
export async function runStopHooks({ log, stopping }: Context, sandbox: Sandbox): Promise<void> {
  const { id, bundle, netnsPath, hooked } = sandbox.record;
  if (!hooked || bundle === undefined) return;
  try {
    const spec = readSpec(bundle);
    const state = stateOf(spec, { id, bundle, netnsPath }, "stopped", 0);
    for (const hook of hooksIn(spec, STOP_HOOKS)) {
      try {
        await runHook(hook, bundle, state, stopping);
      } catch (error) {
        log.warn("A hook has failed", { sandbox: id, hook: hook.path, error: asKuasarError(error) });
      }
    }
  } catch (error) {
    // containerd has taken the bundle away: there is nothing any more that would tell what to run.
    log.warn("Cannot run the hooks of a container's end", { sandbox: id, error: asKuasarError(error) });
  }
  sandbox.update({ hooked: false });
}

/** The state that a hook reads from its stdin. */
function stateOf(
  { ociVersion, annotations }: Spec,
  { id, bundle, netnsPath }: { id: string; bundle: string; netnsPath: string },
  status: "creating" | "stopped",
  pid: number,
): string {
  const network = status === "creating" && netnsPath !== "" ? { [NETNS_ANNOTATION]: netnsPath } : {};
  return JSON.stringify({ ociVersion, id, status, pid, bundle, annotations: { ...annotations, ...network } });
}

/** @throws KuasarError ABORTED with the end of what it wrote to stderr, DEADLINE_EXCEEDED, or why `signal` was aborted */
async function runHook(
  { path, args, env, timeoutMs = HOOK_TIMEOUT_MS }: Hook,
  bundle: string,
  state: string,
  signal: AbortSignal,
): Promise<void> {
  const slow = AbortSignal.timeout(timeoutMs);
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(path, {
      args,
      env,
      clearEnv: true,
      cwd: bundle,
      stdin: "piped",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    killOnAbort(child, AbortSignal.any([slow, signal]));
  } catch (cause) {
    throw new KuasarError("ABORTED", `Cannot run the hook ${path}: ${asKuasarError(cause).message}`, {
      cause,
    });
  }
  const errors = new Tail(child.stderr);
  // It need not read it.
  await new Blob([state]).stream().pipeTo(child.stdin).catch(() => {});
  const { code } = await child.status;
  const evidence = await errors.lines();
  signal.throwIfAborted();
  if (slow.aborted) {
    throw new KuasarError(
      "DEADLINE_EXCEEDED",
      `Cannot run the hook ${path}: it took more than ${formatDuration(timeoutMs)}`,
      {
        evidence,
      },
    );
  }
  if (code === 0) return;
  throw new KuasarError("ABORTED", `Cannot run the hook ${path}: it ended with code ${code}`, { evidence });
}

/** The end of what a program writes. What it has left running may keep the stream open for ever. */
class Tail {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #end: Promise<void>;
  #text = "";

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
    this.#end = this.#read();
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (done) return;
      this.#text = (this.#text + decoder.decode(value, { stream: true })).slice(-STDERR_CHARACTERS);
    }
  }

  /** What there is once the program has ended. */
  async lines(): Promise<string[]> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const open = new Promise<void>((resolve) => timer = setTimeout(resolve, STDERR_OPEN_MS));
    await Promise.race([this.#end, open]);
    clearTimeout(timer);
    await this.#reader.cancel();
    return this.#text.split("\n").filter((line) => line !== "");
  }
}
