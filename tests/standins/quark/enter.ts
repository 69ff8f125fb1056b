import { parseProcess, parseSpec } from "../../../lib/oci/mod.ts";
import type { Mount, Process, Spec } from "../../../lib/oci/mod.ts";
import { LOG_FD, note } from "./log_file.ts";
import { readable } from "../../../guest/host/dial.ts";
import * as sys from "../../../guest/native/sys.js";
import { exitOf, spawnReaped } from "../../../guest/runtime/reaper.ts";

/** By these the stand-in hands a process on to what stands behind it; all of them are passed on as they are. */
const FORWARDED = [1, 2, 3, 10, 12, 13, 14, 15, 18, 28];

/** Exit code of a stage whose program could not be started. */
const NOT_STARTED = 127;

/** The descriptor on which the pid is told that signals go to. */
const REPORT = 3;

const NAMES: readonly (readonly [file: string, flag: number])[] = [
  ["mnt", sys.CLONE?.NEWNS ?? 0],
  ["pid", sys.CLONE?.NEWPID ?? 0],
  ["uts", sys.CLONE?.NEWUTS ?? 0],
  ["ipc", sys.CLONE?.NEWIPC ?? 0],
];

function rootfsOf(container: string): string {
  return `/${container}/rootfs`;
}

function specOf(container: string): Spec {
  return parseSpec(sys.readTextFile(`/${container}/config.json`, 4 << 20));
}

/** Makes a container's namespaces and its first process; ends as that does. */
export async function enterContainer([container = ""]: string[]): Promise<void> {
  sys.unshare(NAMES.reduce((flags, [, flag]) => flags | flag, 0));
  const runs = sys.pipe();
  const pid = spawnReaped({
    argv: ["/proc/self/exe", "standin-init", container],
    stdin: 0,
    stdout: 1,
    stderr: 2,
    extraFds: [runs.write, LOG_FD],
    pdeathsig: sys.SIG.KILL,
  });
  sys.close(runs.write);
  await readable(runs.read);
  // It knows itself as 1: only whether it has started the program comes from it.
  if (sys.read(runs.read, new Uint8Array(16)) > 0) report(pid);
  sys.exit((await exitOf(pid)).code);
}

/** The first process of a container: makes the mounts, starts the program, hands signals on and reaps. */
export async function runInit([container = ""]: string[]): Promise<void> {
  const spec = specOf(container);
  if (!spec.process) throw new Error("the spec has no process");
  sys.mount("", "/", "", sys.MS.PRIVATE | sys.MS.REC);
  for (const mount of spec.mounts ?? []) makeMount(rootfsOf(container), mount);
  if (spec.hostname) sys.sethostname(spec.hostname);
  sys.chroot(rootfsOf(container));
  await runProgram(spec.process, report);
}

/** Starts one more process in a container and ends as it does. */
export async function execInContainer([init = "", container = "", json = ""]: string[]): Promise<void> {
  const process = parseProcess(json);
  const files = NAMES.map(([file, flag]) =>
    [sys.open(`/proc/${init}/ns/${file}`, sys.O.RDONLY), flag] as const
  );
  for (const [fd, flag] of files) sys.setns(fd, flag);
  sys.chroot(rootfsOf(container));
  await runProgram(process, report);
}

async function runProgram(process: Process, tell: (pid: number) => void): Promise<void> {
  const { args = [], env = [], cwd, user } = process;
  const path = env.find((entry) => entry.startsWith("PATH="))?.slice(5);
  if (path !== undefined) sys.setenv("PATH", path);
  let pid: number;
  try {
    pid = spawnReaped({
      argv: args,
      env,
      cwd: cwd || "/",
      stdin: 0,
      stdout: 1,
      stderr: 2,
      uid: user?.uid ?? 0,
      gid: user?.gid ?? 0,
      ...(process.terminal ? { ctty: true } : {}),
    });
  } catch (error) {
    note(`cannot start ${args[0]}: ${(error as Error).message}`);
    return sys.exit(NOT_STARTED);
  }
  for (const signal of FORWARDED) {
    sys.onSignal(signal, () => {
      try {
        sys.kill(pid, signal);
      } catch {
        // It has just ended.
      }
    });
  }
  tell(pid);
  sys.exit((await exitOf(pid)).code);
}

/** The documented order: whoever prepares a container makes its bind mounts on the host and takes them out of the spec. */
function makeMount(rootfs: string, { destination, type = "", source = "", options = [] }: Mount): void {
  if (type === "bind" || options.some((option) => option === "bind" || option === "rbind")) {
    throw new Error(`bind mount of ${destination} in a spec for Quark`);
  }
  if (type === "cgroup" || type === "cgroup2") return;
  const target = `${rootfs}${destination}`;
  if (!sys.exists(target)) sys.mkdirAll(target);
  const data = options.filter((option) =>
    /^(mode|size|nr_inodes|newinstance|ptmxmode|gid)(=|$)/.test(option)
  );
  sys.mount(source, target, type, options.includes("ro") ? sys.MS.RDONLY : 0, data.join(","));
  if (destination === "/dev") bindDevices(target);
}

function bindDevices(target: string): void {
  for (const { name, type } of sys.readdir("/dev")) {
    if (type !== "char") continue;
    sys.writeFile(`${target}/${name}`, "");
    sys.mount(`/dev/${name}`, `${target}/${name}`, "", sys.MS.BIND);
  }
  sys.symlink("/proc/self/fd", `${target}/fd`);
  for (const [fd, name] of ["stdin", "stdout", "stderr"].entries()) {
    sys.symlink(`/proc/self/fd/${fd}`, `${target}/${name}`);
  }
  sys.symlink("pts/ptmx", `${target}/ptmx`);
}

function report(pid: number): void {
  sys.write(REPORT, sys.utf8Encode(`${pid}\n`));
  sys.close(REPORT);
}
