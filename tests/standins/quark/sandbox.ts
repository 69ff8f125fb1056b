import { parseSpec } from "../../../lib/oci/mod.ts";
import type { Namespace } from "../../../lib/oci/mod.ts";
import { TtrpcServer } from "../../../lib/ttrpc/mod.ts";
import * as sys from "../../../guest/native/sys.js";
import { FdStream } from "../../../guest/runtime/fd_stream.ts";
import { serveListener } from "../../../guest/runtime/listener.ts";
import { note } from "./log_file.ts";
import { StandInTask } from "./task.ts";

/** The devices that the real program makes below the bundle. */
const DEVICES: readonly (readonly [name: string, major: number, minor: number])[] = [
  ["null", 1, 3],
  ["zero", 1, 5],
  ["full", 1, 7],
  ["random", 1, 8],
  ["urandom", 1, 9],
  ["tty", 5, 0],
];

/** What the verb `sandbox` was given. */
export interface SandboxCommand {
  root: string;
  id: string;
  taskSocket: string;
  pidFile: string;
}

/**
 * The parent's part: starts the process that is the sandbox, writes its pid and is done. Whether the sandbox comes up
 * shows later, by its socket.
 *
 * The pid file is made without any permission and is not truncated: what an earlier, longer pid has left stays behind this one.
 */
export function startSandbox({ root, id, taskSocket, pidFile }: SandboxCommand, log: number): void {
  if (sys.realpath(sys.getcwd()) !== sys.realpath(root)) {
    throw new Error("the current directory is not the bundle");
  }
  const quiet = sys.open("/dev/null", sys.O.RDWR);
  const pid = sys.spawn({
    argv: ["/proc/self/exe", "standin-boot", root, id, taskSocket],
    stdin: quiet,
    stdout: quiet,
    stderr: log < 0 ? quiet : log,
    setsid: true,
  });
  const fd = sys.open(pidFile, sys.O.WRONLY | sys.O.CREAT, 0);
  sys.write(fd, sys.utf8Encode(String(pid)));
  sys.close(fd);
}

/** The process that is the sandbox: makes its world of the bundle, goes into it and serves containers. */
export function bootSandbox([root = "", , taskSocket = ""]: string[]): void {
  // Before the network namespace is entered, and by a path that is not there later.
  const listener = sys.listenUnix(taskSocket);
  const spec = parseSpec(sys.readTextFile(`${root}/config.json`, 4 << 20));
  // A mount of its own, which shares with the host what is mounted below it later.
  sys.mount(root, root, "", sys.MS.BIND | sys.MS.REC);
  sys.mount("", root, "", sys.MS.SHARED);
  fillDev(`${root}/dev`);
  joinNamespaces(spec.linux?.namespaces ?? []);
  pivotInto(root);
  const server = new TtrpcServer({
    onHandlerError: (error, _, method) => note(`${method}: ${String(error)}`),
  });
  new StandInTask(() => sys.exit(0)).register(server);
  serveListener(listener, ({ fd }) => void server.serve(new FdStream(fd)));
}

function fillDev(directory: string): void {
  sys.mkdirAll(directory);
  for (const [name, major, minor] of DEVICES) {
    if (!sys.exists(`${directory}/${name}`)) {
      sys.mknod(`${directory}/${name}`, sys.S.IFCHR | 0o666, major, minor);
    }
  }
  sys.mkdirAll(`${directory}/pts`);
  if (!sys.exists(`${directory}/ptmx`)) sys.symlink("pts/ptmx", `${directory}/ptmx`);
}

const FLAGS: Readonly<Record<string, number>> = {
  network: sys.CLONE?.NEWNET ?? 0,
  ipc: sys.CLONE?.NEWIPC ?? 0,
  uts: sys.CLONE?.NEWUTS ?? 0,
};

/** A PID namespace is ignored; the mount namespace is always a new one. */
function joinNamespaces(namespaces: readonly Namespace[]): void {
  for (const { type, path } of namespaces) {
    const flag = FLAGS[type];
    if (flag === undefined) continue;
    if (path === undefined || path === "") {
      sys.unshare(flag);
      continue;
    }
    const fd = sys.open(path, sys.O.RDONLY);
    sys.setns(fd, flag);
    sys.close(fd);
  }
  sys.unshare(sys.CLONE.NEWNS);
}

function pivotInto(root: string): void {
  // What is mounted here stays here; what the host mounts below the bundle still arrives.
  sys.mount("", "/", "", sys.MS.SLAVE | sys.MS.REC);
  for (const name of ["proc", ".old"]) sys.mkdirAll(`${root}/${name}`);
  sys.mount("proc", `${root}/proc`, "proc");
  sys.mount("devpts", `${root}/dev/pts`, "devpts", 0, "newinstance,ptmxmode=0666,mode=0620");
  sys.chdir(root);
  sys.pivotRoot(root, `${root}/.old`);
  sys.chdir("/");
  sys.umount("/.old", sys.MNT.DETACH);
}
