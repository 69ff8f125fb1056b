/** Bit of CapEff in /proc/self/status: with it the value of a process may be lowered (capabilities(7)). */
const CAP_SYS_RESOURCE = 24n;

/** What the kernel takes (proc_pid_oom_score_adj(5)). */
const MIN = -1000;
const MAX = 1000;

/**
 * The nearest to `wanted` that a process of ours can have: one without CAP_SYS_RESOURCE may become easier to end when the host runs
 * out of memory, and not harder.
 *
 * @param own what this process may, from /proc/self unless given
 */
export function allowedOomScoreAdj(wanted: number, own: OwnOomScore = ownOomScore()): number {
  const valid = Math.max(MIN, Math.min(MAX, Math.trunc(wanted)));
  return own.mayLower ? valid : Math.max(valid, own.value);
}

/** What a process has, and whether it may give others less. */
export interface OwnOomScore {
  value: number;
  mayLower: boolean;
}

function ownOomScore(): OwnOomScore {
  const [, capabilities = "0"] =
    /^CapEff:\s*([0-9a-f]+)$/m.exec(Deno.readTextFileSync("/proc/self/status")) ?? [];
  return {
    value: Number(Deno.readTextFileSync("/proc/self/oom_score_adj")),
    mayLower: (BigInt(`0x${capabilities}`) >> CAP_SYS_RESOURCE & 1n) === 1n,
  };
}

/**
 * Sets the value of a running process.
 *
 * @returns false where it has ended, or the kernel does not allow it
 */
export function setOomScoreAdj(pid: number, value: number): boolean {
  try {
    Deno.writeTextFileSync(`/proc/${pid}/oom_score_adj`, String(value));
    return true;
  } catch {
    return false;
  }
}
