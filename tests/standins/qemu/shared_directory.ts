import net from "node:net";

/** A connection to virtiofsd that is held as a VMM would hold it, and the directory behind it. */
export interface SharedDirectory {
  hostDir: string;
  /** Ends the daemon, which serves one connection. */
  close(): void;
}

/** /proc is no snapshot: while others come and go, a look at all sockets and processes can pass one over. */
const LOOKS = 10;
const LOOK_STEP_MS = 20;

/**
 * Takes the place of a VMM at a virtiofsd.
 *
 * Under emulation virtiofs breaks programs (docs/decisions/9p-under-emulation.md), so the stand-in cannot give it
 * to its guest. It connects as the real program would, which also ties the daemon's life to the VM's, and finds out
 * from the daemon's command line what is shared; QEMU's 9p server then offers that under the same tag.
 *
 * @param socket its vhost-user socket
 * @throws where no virtiofsd listens
 */
export async function takeShare(socket: string): Promise<SharedDirectory> {
  let hostDir = directoryBehind(socket);
  for (let looks = 1; hostDir === undefined; looks++) {
    if (looks === LOOKS) throw new Error(`no virtiofsd listens at ${socket}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_STEP_MS));
    hostDir = directoryBehind(socket);
  }
  const connection = net.connect(socket);
  await new Promise<void>((resolve, reject) => {
    connection.once("connect", resolve);
    connection.once("error", reject);
  });
  connection.on("error", () => {});
  return { hostDir, close: () => void connection.destroy() };
}

function directoryBehind(socket: string): string | undefined {
  const inode = inodeOf(socket);
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const args = commandLine(name);
    const directory = valueOf(args, "--shared-dir");
    if (directory === undefined) continue;
    if (valueOf(args, "--socket-path") === socket || (inode !== undefined && holds(name, inode))) {
      return directory;
    }
  }
  return undefined;
}

/** The inode of a listening socket, which the network namespace knows in which it was made: our parent's. */
function inodeOf(socket: string): string | undefined {
  const lines = Deno.readTextFileSync(`/proc/${Deno.ppid}/net/unix`).split("\n");
  return lines.find((line) => line.endsWith(` ${socket}`))?.split(/\s+/)[6];
}

function holds(pid: string, inode: string): boolean {
  try {
    const fds = [...Deno.readDirSync(`/proc/${pid}/fd`)];
    return fds.some(({ name }) => linkOf(`/proc/${pid}/fd/${name}`) === `socket:[${inode}]`);
  } catch {
    return false;
  }
}

/** Where a link leads; undefined where it is gone: a daemon that starts opens and closes much. */
function linkOf(path: string): string | undefined {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return undefined;
  }
}

function commandLine(pid: string): string[] {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0");
  } catch {
    return [];
  }
}

function valueOf(args: readonly string[], flag: string): string | undefined {
  const at = args.indexOf(flag);
  if (at >= 0) return args[at + 1];
  return args.find((arg) => arg.startsWith(`${flag}=`))?.slice(flag.length + 1);
}
