import { KuasarError } from "../../lib/errors/mod.ts";
import * as sys from "../native/sys.js";
import { within } from "./deadline.ts";
import { FdStream } from "./fd_stream.ts";
import { exitOf, spawnReaped } from "./reaper.ts";

/** How a program is run to its end. */
export interface RunOptions {
  /** For the program's stdin; without it /dev/null. */
  stdin?: Uint8Array;
  env?: readonly string[];
  cwd?: string;
  /** The program is killed then. Default 30 s. */
  timeoutMs?: number;
  /** Of each of stdout and stderr; more is dropped. Default 1 MiB. */
  maxOutputBytes?: number;
}

/** How a program ended. */
export interface RunResult {
  /** Exit code, or 128 + signal. */
  code: number;
  stdout: string;
  stderr: string;
}

/** Reads to the end, keeping the first `max` bytes. */
async function collect(stream: FdStream, max: number): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for (let chunk = await stream.read(); chunk; chunk = await stream.read()) {
    const part = chunk.subarray(0, max - size);
    if (part.length > 0) parts.push(part);
    size += part.length;
  }
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return sys.utf8Decode(all);
}

async function feed(stream: FdStream, bytes: Uint8Array): Promise<void> {
  try {
    await stream.write(bytes);
  } catch {
    // The program need not read all of its input.
  } finally {
    stream.close();
  }
}

/** The ends of a pipe: ours, non-blocking, and the child's, blocking. */
function childPipe(childEnd: "read" | "write"): { ours: FdStream; childs: number } {
  const ends = sys.pipe(false);
  const own = childEnd === "read" ? ends.write : ends.read;
  sys.setNonblock(own, true);
  return { ours: new FdStream(own), childs: ends[childEnd] };
}

/**
 * Runs a program to its end. Output that descendants of it keep open is waited for too, within the time limit.
 *
 * @throws KuasarError DEADLINE_EXCEEDED when it takes too long: its process group is killed
 * @throws sys.SysError when it cannot be started
 */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { timeoutMs = 30_000, maxOutputBytes = 1 << 20 } = options;
  const input = options.stdin === undefined ? undefined : childPipe("read");
  const out = childPipe("write");
  const err = childPipe("write");
  let pid: number;
  try {
    pid = spawnReaped({
      argv,
      ...(options.env === undefined ? {} : { env: options.env }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(input === undefined ? {} : { stdin: input.childs }),
      stdout: out.childs,
      stderr: err.childs,
      setsid: true,
    });
  } catch (error) {
    for (const pipe of [input, out, err]) pipe?.ours.close();
    throw error;
  } finally {
    for (const pipe of [input, out, err]) if (pipe) sys.close(pipe.childs);
  }
  const killAll = () => {
    try {
      sys.kill(-pid, sys.SIG.KILL);
    } catch {
      // Gone already.
    }
    out.ours.close();
    err.ours.close();
  };
  if (input && options.stdin) void feed(input.ours, options.stdin);
  const work = Promise.all([
    exitOf(pid),
    collect(out.ours, maxOutputBytes),
    collect(err.ours, maxOutputBytes),
  ]);
  try {
    const [status, stdout, stderr] = await within(timeoutMs, `run ${argv[0]}`, work, killAll);
    return { code: status.code, stdout, stderr };
  } finally {
    for (const pipe of [input, out, err]) pipe?.ours.close();
  }
}

/**
 * Runs a program that has to succeed.
 *
 * @returns what it wrote to stdout
 * @throws KuasarError INTERNAL with the end of its stderr
 */
export async function runOk(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await run(argv, options);
  if (result.code === 0) return result.stdout;
  throw new KuasarError("INTERNAL", `Cannot run ${argv[0]}: it ended with code ${result.code}`, {
    evidence: result.stderr.trimEnd().split("\n"),
  });
}
