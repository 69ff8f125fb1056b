import { hostTools } from "../../deploy/host/mod.ts";
import { closeFd, listenUnixFd } from "../../lib/libc/mod.ts";
import { killProcess, type SpawnedProcess, spawnWithFds } from "../../lib/process/mod.ts";
import { type Share, ShareKind } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";

/** The first descriptor that a program inherits. */
const SOCKET_FD = "3";

/** Daemons by the run directory of their test. */
const daemons = new Map<string, SpawnedProcess[]>();

/** Shares are begun at the same time: a number that only counts those that are there would be given twice. */
let shares = 0;

/** Shares a directory by a virtiofsd that listens when this answers, as the storage service does. */
export async function startShare(runDir: string): Promise<Share> {
  const started = daemons.get(runDir) ?? [];
  daemons.set(runDir, started);
  const hostDir = `${runDir}/shared`;
  await Deno.mkdir(hostDir, { recursive: true });
  const socketPath = `${runDir}/fs${++shares}.sock`;
  const socket = listenUnixFd(socketPath);
  try {
    const args = ["--shared-dir", hostDir, "--fd", SOCKET_FD, "--sandbox", "none"];
    started.push(await spawnWithFds(hostTools().virtiofsd, args, { fds: [socket], cwd: "/" }));
  } finally {
    closeFd(socket);
  }
  return { kind: ShareKind.VIRTIOFS, tag: "kuasar", hostDir, socketPath, guestDir: "/run/kuasar/state" };
}

/** Ends the daemons of a run directory; those whose VM has gone have ended by themselves. */
export async function endShares(runDir: string): Promise<void> {
  const started = daemons.get(runDir) ?? [];
  daemons.delete(runDir);
  for (const { ref } of started) killProcess(ref, "SIGKILL");
  await Promise.all(started.map(({ exited }) => exited));
}
