import { buildDir } from "../../lib/build/mod.ts";
import { formatDuration } from "../../lib/errors/mod.ts";
import { DRIVERS } from "../../deploy/drivers.ts";
import { type Tool, TOOLS } from "../../deploy/host/mod.ts";
import { isAtLeast, versionIn } from "../../lib/process/mod.ts";
import type { Finding } from "./host_facts.ts";
import { runtimeCautions } from "./runtime_caution.ts";

/** A program that hangs must not hang us; one on a busy host has some time. */
const TIMEOUT_MS = 20_000;

/** How a version begins that nobody knows. */
export const UNKNOWN = "?";

/** What a program has done. */
interface Run {
  success: boolean;
  text: string;
  /** True where it was given up: what it has said until then is no answer. */
  late: boolean;
}

/** Runs a program to its end, and no longer than a time. @throws where it cannot be run */
async function run(path: string, args: readonly string[], timeoutMs = TIMEOUT_MS): Promise<Run> {
  const signal = AbortSignal.timeout(timeoutMs);
  const { success, stdout, stderr } = await new Deno.Command(path, {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal,
  }).output();
  const decoder = new TextDecoder();
  return { success, text: decoder.decode(stdout) + decoder.decode(stderr), late: signal.aborted };
}

/**
 * The version that a program says it has; what begins with {@link UNKNOWN} where it says none, or nothing in time; undefined where
 * it cannot be run.
 */
export async function versionOf(
  path: string,
  args: readonly string[],
  timeoutMs = TIMEOUT_MS,
): Promise<string | undefined> {
  try {
    const { text, late } = await run(path, args, timeoutMs);
    if (late) return `${UNKNOWN} (no answer to \`${args.join(" ")}\` within ${formatDuration(timeoutMs)})`;
    return versionIn(text) ?? UNKNOWN;
  } catch {
    return undefined;
  }
}

/** Why a program does not work on this host; undefined where it does, or does not tell. */
async function selfTestOf(path: string, { selfTest }: Tool): Promise<string | undefined> {
  if (!selfTest) return undefined;
  const { success, text, late } = await run(path, selfTest);
  if (success) return undefined;
  if (late) return `${selfTest.join(" ")} is not done after ${formatDuration(TIMEOUT_MS)}`;
  return text.trim().split("\n").at(-1) || `${selfTest.join(" ")} has failed`;
}

/** Others are for building, for tests, and for `deno task start` without a containerd of one's own. */
function neededByPods({ key }: Tool): boolean {
  return DRIVERS.some(({ tools }) => tools.includes(key));
}

/** Looks for a program in the private prefix first, then in the system. */
export async function checkTool(tool: Tool, prefix = `${buildDir}/host`): Promise<Finding> {
  const absent = neededByPods(tool) ? "missing" : "absent";
  const what = tool.path.slice(tool.path.lastIndexOf("/") + 1);
  const remedy = tool.tooOldInDebian12
    ? `deno task setup (Debian 12's own is too old; ${tool.package} of ${tool.suite})`
    : `deno task setup, or apt-get install ${tool.package}`;
  for (const path of [`${prefix}/${tool.path}`, `/${tool.path}`]) {
    const version = await versionOf(path, tool.versionArgs);
    if (version === undefined) continue;
    if (!version.startsWith(UNKNOWN) && !isAtLeast(version, tool.minVersion)) {
      const detail = `${version} at ${path} is older than ${tool.minVersion}; ${tool.whatFor}`;
      return { what, verdict: absent, detail, remedy };
    }
    const failure = await selfTestOf(path, tool);
    if (failure !== undefined) {
      return { what, verdict: absent, detail: `${version} at ${path} does not work here: ${failure}` };
    }
    const detail = [`${version} at ${path}`, ...runtimeCautions(what, version)].join("; ");
    return { what, verdict: "ok", detail };
  }
  return { what, verdict: absent, detail: tool.whatFor, remedy };
}

/** What is built rather than installed. */
const BUILT = [
  { what: "guest kernel", path: "kernel/vmlinux.bin" },
  { what: "guest image", path: "image/kuasar.initrd" },
  { what: "agent", path: "guest/agent" },
];

/** All programs and built files, in the order of the table. */
export async function checkTools(): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const tool of TOOLS) findings.push(await checkTool(tool));
  for (const { what, path } of BUILT) {
    const info = await Deno.stat(`${buildDir}/${path}`).catch(() => undefined);
    findings.push(
      info
        ? { what, verdict: "ok", detail: `${(info.size / (1 << 20)).toFixed(1)} MiB at ${buildDir}/${path}` }
        : { what, verdict: "missing", detail: `${buildDir}/${path} is not built`, remedy: "deno task setup" },
    );
  }
  return findings;
}
