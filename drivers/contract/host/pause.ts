import { KuasarError } from "../../../lib/errors/mod.ts";
import { isAlive, killProcess, type ProcessRef, processRef } from "../../../lib/process/mod.ts";
import { SANDBOX_VARIABLE } from "../stray_processes.ts";
import type { SandboxHost } from "./host.ts";
import { keepNamespace, ownNamespaces } from "./namespaces.ts";
import type { Sandbox } from "./sandbox.ts";

const START_TIMEOUT_MS = 10_000;

/**
 * Starts the first process of a PID namespace that the containers of a pod share, and keeps the namespace. Only such a
 * namespace needs a process: the others live without.
 */
export async function startPause({ kind }: SandboxHost, sandbox: Sandbox): Promise<ProcessRef> {
  const { record, paths } = sandbox;
  const joined = ownNamespaces(record).map((name) => paths[name]);
  if (record.netnsPath !== "") joined.push(record.netnsPath);
  const { code, stdout, stderr } = await new Deno.Command(kind.pauseProgram, {
    args: ["kuasar-pause", "new", ...joined],
    env: { [SANDBOX_VARIABLE]: paths.dir },
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(START_TIMEOUT_MS),
  }).output();
  const text = new TextDecoder();
  if (code !== 0) {
    throw new KuasarError("INTERNAL", `Cannot make a shared PID namespace: ${text.decode(stderr).trim()}`);
  }
  const ref = processRef(Number(text.decode(stdout)));
  keepNamespace(`/proc/${ref.pid}/ns/pid`, paths.pid);
  return ref;
}

/** Ends it, and with it every process of the namespace. */
export async function endPause({ watcher }: SandboxHost, { record }: Sandbox): Promise<void> {
  const { pause } = record;
  if (!pause || !isAlive(pause)) return;
  const gone = watcher.watch(pause);
  killProcess(pause, "SIGKILL");
  await gone;
}
