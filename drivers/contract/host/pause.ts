import { hierarchies, makeCgroup } from "../../../lib/cgroups/mod.ts";
import { KuasarError } from "../../../lib/errors/mod.ts";
import {
  allowedOomScoreAdj,
  isAlive,
  killOnAbort,
  killProcess,
  processRef,
} from "../../../lib/process/mod.ts";
import type { SandboxHost } from "./host.ts";
import { ownNamespaces } from "./namespaces.ts";
import type { Sandbox } from "./sandbox.ts";

const START_TIMEOUT_MS = 60_000;

/**
 * Starts the first process of a PID namespace that the containers of a pod share, and keeps the namespace. Only such a
 * namespace needs a process: the others live without.
 *
 * The process ends by itself unless it is written down: it waits for our leave to stay, and this driver's death is none.
 *
 * @param oomScoreAdj with which it starts; undefined for the driver's own
 * @throws KuasarError INTERNAL naming the step that failed
 */
export async function startPause(
  { kind, records }: SandboxHost,
  sandbox: Sandbox,
  oomScoreAdj: number | undefined,
): Promise<void> {
  const { record, paths } = sandbox;
  const joined = ownNamespaces(record).map((name) => paths[name]);
  if (record.netnsPath !== "") joined.push(record.netnsPath);
  // Of its own: in version 2 no cgroup has both processes and cgroups that are limited.
  const cgroups = record.cgroup === "" ? [] : makeCgroup(`${record.cgroup}/kuasar-pause`, hierarchies());
  Deno.writeTextFileSync(paths.pid, "", { mode: 0o444 });
  const child = new Deno.Command(kind.pauseProgram, {
    args: [
      ...["kuasar-pause", "new"],
      ...joined.flatMap((path) => ["join", path]),
      ...cgroups.flatMap((folder) => ["cgroup", folder]),
      ...(oomScoreAdj === undefined ? [] : ["oom_score_adj", String(allowedOomScoreAdj(oomScoreAdj))]),
      ...["keep", paths.pid],
    ],
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  killOnAbort(child, AbortSignal.timeout(START_TIMEOUT_MS));
  const leave = child.stdin.getWriter();
  try {
    const { code, stdout, stderr } = await child.output();
    const text = new TextDecoder();
    if (code !== 0) throw new Error(text.decode(stderr).trim() || `its maker ended with code ${code}`);
    sandbox.record = { ...record, pause: processRef(Number(text.decode(stdout))) };
    records.put(sandbox.id, sandbox.record);
    await leave.write(new Uint8Array(1));
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new KuasarError("INTERNAL", `Cannot make a shared PID namespace: ${reason}`, { cause });
  } finally {
    await leave.close().catch(() => {});
  }
}

/** Ends it, and with it every process of the namespace. */
export async function endPause({ watcher }: SandboxHost, { record }: Sandbox): Promise<void> {
  const { pause } = record;
  if (!pause || !isAlive(pause)) return;
  const gone = watcher.watch(pause);
  killProcess(pause, "SIGKILL");
  await gone;
}
