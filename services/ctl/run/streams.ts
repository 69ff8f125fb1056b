import type { Cri } from "../../../lib/cri/mod.ts";
import { ContainerState } from "../../../lib/proto/gen/runtime/v1/cri.ts";
import { RemoteCommand } from "../../../lib/cri/mod.ts";
import type { FollowedLog } from "./follow_log.ts";
import { gapBefore } from "./gap.ts";
import { handOnInput } from "./terminal.ts";

/** What is joined with a running container. */
export interface Streams {
  cri: Cri;
  containerId: string;
  log: FollowedLog;
  stdin: boolean;
  /** Resolves when the container has ended. */
  ended: Promise<unknown>;
}

/** For the rest of what a container wrote that has ended. */
const SESSION_END_TIMEOUT_MS = 10_000;

/** Writes all of it. @throws Deno.errors.BrokenPipe where nobody reads any more */
async function write(stream: "stdout" | "stderr", bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await Deno[stream].write(bytes.subarray(at));
}

/**
 * Shows a container's output byte for byte, both streams apart, and hands on stdin.
 *
 * The output is that of its log: containerd attaches nobody before a container runs, and what it writes at once would be
 * lost.
 */
export async function joinPipes({ cri, containerId, log, stdin, ended }: Streams): Promise<void> {
  const stop = stdin ? await attachInput(cri, containerId) : () => {};
  try {
    for await (const { stream, bytes } of log.follow(ended)) await write(stream, bytes);
  } finally {
    stop();
  }
}

async function attachInput(cri: Cri, containerId: string): Promise<() => void> {
  const session = await attach(cri, containerId, { tty: false, stdin: true, stdout: false });
  if (session === undefined) return () => {};
  const stop = handOnInput(session, { stdin: true, terminal: false });
  return () => {
    stop();
    void session.close();
  };
}

/** Joins our terminal with a container's. What it wrote before it was attached is shown first. */
export async function joinTerminal({ cri, containerId, log, stdin, ended }: Streams): Promise<void> {
  await show(await readAll(log));
  const session = await attach(cri, containerId, { tty: true, stdin, stdout: true });
  if (session === undefined) {
    for await (const { stream, bytes } of log.follow(ended)) await write(stream, bytes);
    return;
  }
  let shown: Promise<void> = Promise.resolve();
  let first = true;
  session.onStdout = (piece) => {
    const before = first ? readAll(log).then((logged) => show(gapBefore(logged, piece))) : undefined;
    first = false;
    shown = shown.then(() => before).then(() => show(piece));
    // Nobody reads any more: the terminal is gone, which a signal tells, too.
    shown.catch(() => {});
  };
  const stop = handOnInput(session, { stdin, terminal: true });
  try {
    await ended;
    await session.waitForExit(SESSION_END_TIMEOUT_MS).catch(() => {});
    await shown.catch(() => {});
    if (first) { for await (const { bytes } of log.follow(ended)) await show(bytes); }
  } finally {
    stop();
    void session.close();
  }
}

const show = (bytes: Uint8Array) => write("stdout", bytes);

/** All that was logged until now. */
async function readAll(log: FollowedLog): Promise<Uint8Array> {
  const all: number[] = [];
  for (let pieces = await log.read(); pieces.length > 0; pieces = await log.read()) {
    for (const { bytes } of pieces) all.push(...bytes);
  }
  return new Uint8Array(all);
}

/** Undefined where the container has ended already: its log has all there is. */
async function attach(
  cri: Cri,
  containerId: string,
  { tty, stdin, stdout }: { tty: boolean; stdin: boolean; stdout: boolean },
): Promise<RemoteCommand | undefined> {
  try {
    const { url } = await cri.runtime.attach({ containerId, tty, stdin, stdout, stderr: false });
    return await RemoteCommand.open(url, { keepStdout: false });
  } catch (error) {
    const { status } = await cri.runtime.containerStatus({ containerId, verbose: false });
    if (status?.state === ContainerState.CONTAINER_EXITED) return undefined;
    throw error;
  }
}
