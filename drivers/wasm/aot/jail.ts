import { formatDuration, KuasarError } from "../../../lib/errors/mod.ts";
import { killProcess } from "../../../lib/process/mod.ts";
import { SANDBOX_VARIABLE, strayProcesses } from "../../contract/stray_processes.ts";
import { lastBytesOf, lastLines } from "../../contract/tail.ts";
import { MODULE_DIR } from "../engine_run.ts";
import type { EngineRoot } from "../engine_root.ts";

/** Neither root nor anybody else. */
export const NOBODY = 65534;

/**
 * Runs in namespaces of its own: puts what the compiler may see into the engine's root, drops all rights, and becomes the
 * compiler. Everything is gone with the process, the mounts too.
 */
const SCRIPT = `
set -e
root=$1 work=$2 memory_kib=$3 cpu_s=$4
# What it writes it has had in its memory; sh counts files in halves of KiB.
ulimit -f "$((2 * memory_kib))"
shift 4
mount --bind "$root" "$root"
mount --bind "$work/in" "$root/rootfs"
mount -o remount,bind,ro "$root/rootfs"
mount --bind "$work/out" "$root/module"
mount -o remount,bind,ro "$root"
ulimit -v "$memory_kib"
ulimit -t "$cpu_s"
ulimit -c 0
# Not the driver's own, whom the host keeps until last.
echo 0 2>/dev/null >/proc/self/oom_score_adj || :
exec chroot --userspec=${NOBODY}:${NOBODY} --groups= "$root" "$@"
`;

/** What a compiler may take. */
export interface JailLimits {
  memoryMib: number;
  timeoutMs: number;
}

/**
 * Runs a compiler on a module that nobody trusts: as nobody, without network, with the engine's root as its root, the
 * module's folder at /rootfs (read-only) and one for its output at /module.
 *
 * Only programs that every system has are called (util-linux, coreutils).
 *
 * @param work a folder with `in` and `out`
 * @throws {KuasarError} INTERNAL with the compiler's last words, DEADLINE_EXCEEDED
 */
export async function runJailed(
  { path, program, loader, libraryPath }: EngineRoot,
  work: string,
  args: readonly string[],
  { memoryMib, timeoutMs }: JailLimits,
): Promise<void> {
  // By its loader: a library path in the environment would hold for all the programs before it too.
  const command = loader === undefined ? [program] : [loader, "--library-path", libraryPath, program];
  const script = [path, work, String(memoryMib * 1024), String(Math.ceil(timeoutMs / 1000))];
  const child = new Deno.Command("unshare", {
    args: [
      ...["--mount", "--net", "--ipc", "--uts", "--pid", "--fork"],
      ...["nice", "setpriv", "--no-new-privs"],
      ...["sh", "-c", SCRIPT, "sh", ...script],
      ...command,
      ...args,
    ],
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", TMPDIR: MODULE_DIR, [SANDBOX_VARIABLE]: work },
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    endJail(work);
  }, timeoutMs);
  // It may write as much as it likes: its module is anybody's.
  const [stdout, stderr] = await Promise.all([child.stdout, child.stderr].map(lastBytesOf));
  const { success, code } = await child.status;
  clearTimeout(timer);
  if (success) return;
  if (late) {
    throw new KuasarError(
      "DEADLINE_EXCEEDED",
      `Cannot compile the module: it takes longer than aot.timeout_s, ${formatDuration(timeoutMs)}`,
    );
  }
  throw new KuasarError("INTERNAL", `Cannot compile the module: the compiler ended with code ${code}`, {
    // WasmEdge writes its messages to stdout.
    evidence: [...lastLines(stdout!, 5), ...lastLines(stderr!, 5)],
  });
}

/** Kills whatever still runs in the jail of a folder, also that of an earlier process. */
export function endJail(work: string): void {
  for (const ref of strayProcesses(work)) killProcess(ref, "SIGKILL");
}
