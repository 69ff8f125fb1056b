import * as sys from "../sys.js";
import { directory, equal, fails, test, until } from "./check.ts";

/** Runs a shell command with its output on a pipe. */
async function shell(
  script: string,
  options: Partial<sys.SpawnOptions> = {},
): Promise<{ out: string; code: number }> {
  const { read, write } = sys.pipe(false);
  const pid = sys.spawn({ argv: ["/bin/sh", "-c", script], stdout: write, ...options });
  sys.close(write);
  let out = "";
  let ended = false;
  sys.setNonblock(read, true);
  sys.watch(read, sys.EPOLL.IN, () => {
    const buffer = new Uint8Array(4096);
    const n = sys.read(read, buffer);
    if (n > 0) out += sys.utf8Decode(buffer.subarray(0, n));
    ended ||= n === 0;
  });
  await until(() => ended);
  sys.close(read);
  let status: sys.ExitStatus | null = null;
  await until(() => (status = sys.waitPid(pid)) !== null);
  return { out, code: status!.code };
}

test("spawn: output, exit code, environment, directory", async () => {
  equal(await shell("echo $A; pwd; exit 7", { env: ["A=b c", "PATH=/bin:/usr/bin"], cwd: "/tmp" }), {
    out: "b c\n/tmp\n",
    code: 7,
  });
});

test("spawn: a name is looked for in PATH", async () => {
  const pid = sys.spawn({ argv: ["true"] });
  let status: sys.ExitStatus | null = null;
  await until(() => (status = sys.waitPid(pid)) !== null);
  equal(status, { pid, code: 0, signal: 0 });
});

test("spawn: the step that fails is told, and no child is left", () => {
  fails("ENOENT", () => sys.spawn({ argv: ["/does/not/exist"] }));
  fails("ENOENT", () => sys.spawn({ argv: ["no-such-program-anywhere"] }));
  fails("ENOENT", () => sys.spawn({ argv: ["/bin/true"], cwd: "/does/not/exist" }));
  fails("EBADF", () => sys.spawn({ argv: ["/bin/true"], stdout: 9999 }));
  fails("EBADF", () => sys.spawn({ argv: ["/bin/true"], netnsFd: 9999 }));
  equal(sys.waitAny(), null);
});

test("spawn: without vsock, for all that the program starts", async () => {
  const script = "grep ^Seccomp: /proc/self/status; sh -c 'grep ^Seccomp: /proc/self/status'";
  equal((await shell(script, { noVsock: true })).out, "Seccomp:\t2\nSeccomp:\t2\n");
});

test("spawn: only the given fds are passed, in their places", async () => {
  const { read, write } = sys.pipe(false);
  sys.setCloexec(read, false);
  const { out } = await shell("echo three >&3; exec ls /proc/self/fd", { extraFds: [write] });
  // The last one is the directory that ls reads.
  equal(out, "0\n1\n2\n3\n4\n");
  const buffer = new Uint8Array(10);
  equal(sys.read(read, buffer), 6);
  sys.close(read);
  sys.close(write);
});

test("spawn: fds may trade places", async () => {
  const a = sys.open(`${directory}/a.txt`, sys.O.RDWR | sys.O.CREAT, 0o600);
  const b = sys.open(`${directory}/b.txt`, sys.O.RDWR | sys.O.CREAT, 0o600);
  await shell("echo a >&3; echo b >&4", { extraFds: [b, a] });
  equal([sys.readTextFile(`${directory}/a.txt`), sys.readTextFile(`${directory}/b.txt`)], ["b\n", "a\n"]);
  sys.close(a);
  sys.close(b);
});

test("spawn: signals are at their defaults in the child", async () => {
  sys.onSignal(sys.SIG.TERM, () => {});
  const { out } = await shell("grep -E 'SigBlk|SigIgn' /proc/self/status");
  sys.onSignal(sys.SIG.TERM, null);
  equal(out.replace(/\s+/g, " ").trim(), "SigBlk: 0000000000000000 SigIgn: 0000000000000000");
});

test("spawn: a session with a terminal", async () => {
  const { master, slave } = sys.openpty();
  sys.setWinsize(master, 24, 80);
  equal(sys.getWinsize(slave), { rows: 24, columns: 80 });
  equal([sys.isatty(slave), sys.isatty(sys.open("/dev/null", 0))], [true, false]);
  const pid = sys.spawn({
    argv: ["/bin/sh", "-c", "stty size; tty"],
    stdin: slave,
    stdout: slave,
    stderr: slave,
    ctty: true,
  });
  sys.close(slave);
  let out = "";
  let over = false;
  sys.watch(master, sys.EPOLL.IN, () => {
    const buffer = new Uint8Array(100);
    try {
      const n = sys.read(master, buffer);
      if (n > 0) out += sys.utf8Decode(buffer.subarray(0, n));
    } catch (error) {
      equal((error as sys.SysError).code, "EIO");
      over = true;
      sys.unwatch(master);
    }
  });
  await until(() => over);
  equal(/^24 80\r\n\/dev\/pts\/\d+\r\n$/.test(out), true);
  await until(() => sys.waitPid(pid) !== null);
  sys.close(master);
  // The one that isatty looked at.
  sys.close(
    sys.readdir("/proc/self/fd").map(({ name }) => Number(name)).find((fd) =>
      fd > 2 && target(fd) === "/dev/null"
    )!,
  );
});

function target(fd: number): string {
  try {
    return sys.readlink(`/proc/self/fd/${fd}`);
  } catch {
    return "";
  }
}

test("exits by signal, pidfds and reaping", async () => {
  const pid = sys.spawn({ argv: ["/bin/sleep", "100"] });
  equal(sys.waitPid(pid), null);
  const pidfd = sys.pidfdOpen(pid);
  let exited = false;
  sys.watch(pidfd, sys.EPOLL.IN, () => {
    exited = true;
    sys.unwatch(pidfd);
  });
  sys.pidfdSendSignal(pidfd, sys.SIG.KILL);
  await until(() => exited);
  equal(sys.waitAny(), { pid, code: 137, signal: 9 });
  equal(sys.waitAny(), null);
  sys.close(pidfd);
  fails("ECHILD", () => sys.waitPid(pid));
  fails("ESRCH", () => sys.kill(pid, 0));
});

test("a subreaper gets the orphans", async () => {
  sys.setSubreaper(true);
  const { out } = await shell("sleep 0.05 & echo $!");
  const orphan = Number(out);
  let status: sys.ExitStatus | null = null;
  await until(() => (status = sys.waitAny()) !== null);
  equal(status!.pid, orphan);
  sys.setSubreaper(false);
});

test("environment and limits", () => {
  sys.setenv("KUASAR_TEST", "1");
  equal(sys.getenv("KUASAR_TEST"), "1");
  equal(sys.getenv("KUASAR_NONE"), null);
  equal(sys.environ().includes("KUASAR_TEST=1"), true);
  const { soft, hard } = sys.getrlimit(sys.RLIMIT.NOFILE);
  sys.setrlimit(sys.RLIMIT.NOFILE, soft, hard);
  equal(sys.args().length >= 1, true);
});
