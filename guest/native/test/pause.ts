import * as sys from "../sys.js";
import { directory, equal, fails, test, until } from "./check.ts";

/** Makes a PID namespace with its first process. @returns its pid, and what gives or withholds its leave to stay */
async function makeFirst(
  keep: string,
  words: readonly string[] = [],
): Promise<{ pid: number; leave: number }> {
  sys.writeFile(keep, "");
  const [stdin, stdout] = [sys.pipe(false), sys.pipe(false)];
  // Its end is what a driver's death would be: nobody else may have it.
  const maker = sys.spawn({
    // By its path: this process is not in the mount namespace in which it was started.
    argv: [sys.readlink("/proc/self/exe"), "kuasar-pause", "new", ...words, "keep", keep],
    env: ["SECRET=of-the-host"],
    stdin: stdin.read,
    stdout: stdout.write,
  });
  sys.close(stdin.read);
  sys.close(stdout.write);
  let code = -1;
  await until(() => {
    const status = sys.waitPid(maker);
    if (status) code = status.code;
    return status !== null;
  });
  const buffer = new Uint8Array(32);
  const said = sys.utf8Decode(buffer.subarray(0, sys.read(stdout.read, buffer)));
  sys.close(stdout.read);
  if (code !== 0) sys.close(stdin.write);
  equal(code, 0);
  return { pid: Number(said), leave: stdin.write };
}

const text = (pid: number, name: string) => sys.readTextFile(`/proc/${pid}/${name}`);
const status = (pid: number) =>
  Object.fromEntries(
    text(pid, "status").split("\n").map((
      line,
    ) => [line.split(":")[0], line.slice(line.indexOf(":") + 1).trim()]),
  );
const isThere = (pid: number) => sys.exists(`/proc/${pid}/stat`) && status(pid)["State"]?.[0] !== "Z";

function unmount(path: string): void {
  sys.umount(path);
  sys.unlink(path);
}

test("the first process of a PID namespace has nothing and may do nothing but wait", async () => {
  if (sys.geteuid() !== 0) return;
  sys.setSubreaper(true);
  const keep = `${directory}/pid-ns`;
  const { pid, leave } = await makeFirst(keep, ["oom_score_adj", "100"]);
  sys.write(leave, new Uint8Array(1));
  sys.close(leave);
  // Having its leave it closes the last descriptor.
  await until(() => sys.readdir(`/proc/${pid}/fd`).length === 0);
  const { Uid, Gid, Groups, NoNewPrivs, Seccomp, NSpid, ...rest } = status(pid);
  equal([Uid, Gid], ["65535\t65535\t65535\t65535", "65535\t65535\t65535\t65535"]);
  equal([Groups, NoNewPrivs, Seccomp, NSpid?.split("\t").at(-1)], ["", "1", "2", "1"]);
  for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) equal(rest[set], "0".repeat(16));
  equal(sys.readdir(`/proc/${pid}/root`), []);
  fails("EROFS", () => sys.mkdir(`/proc/${pid}/root/x`));
  equal(text(pid, "mountinfo").trim().split("\n").length, 1);
  // Not even the owner of the file that it runs can change it from here.
  fails("EROFS", () => sys.chmod(`/proc/${pid}/exe`, 0o777));
  equal([text(pid, "cmdline"), text(pid, "environ"), text(pid, "comm")], [
    "kuasar-pause\0",
    "",
    "kuasar-pause\n",
  ]);
  equal(text(pid, "oom_score_adj"), "100\n");
  equal(sys.readlink(`/proc/${pid}/ns/pid`), `pid:[${sys.stat(keep).ino}]`);
  sys.kill(pid, sys.SIG.TERM);
  equal(isThere(pid), true);
  sys.kill(pid, sys.SIG.KILL);
  await until(() => sys.waitAny()?.pid === pid);
  unmount(keep);
  sys.setSubreaper(false);
});

test("without its leave the first process ends", async () => {
  if (sys.geteuid() !== 0) return;
  sys.setSubreaper(true);
  const keep = `${directory}/pid-ns`;
  const { pid, leave } = await makeFirst(keep);
  equal(isThere(pid), true);
  sys.close(leave);
  let code = -1;
  await until(() => {
    const ended = sys.waitAny();
    if (ended?.pid === pid) code = ended.code;
    return ended !== null;
  });
  equal(code, 1);
  unmount(keep);
  sys.setSubreaper(false);
});
