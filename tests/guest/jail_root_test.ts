/** The root of a jailed program: what is in it, and how that changes while the program runs. */
import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { hostTools } from "../../deploy/host/mod.ts";
import { buildDir } from "../../lib/build/mod.ts";
import { exists } from "../../lib/files/mod.ts";
import { closeFd, landlockVersion, mount, MS, OPEN, openFd, UMOUNT, unmount } from "../../lib/libc/mod.ts";
import { hideInRoot, parseMountinfo, sealRoot, showInRoot } from "../../lib/mounts/mod.ts";
import {
  type ChildExit,
  type Jail,
  killProcess,
  type SpawnedProcess,
  spawnWithFds,
} from "../../lib/process/mod.ts";

const launcher = `${buildDir}/guest/agent`;
const busybox = Deno.realPathSync(hostTools().busyboxStatic);
const USER = 0x7000_1234;

interface World {
  /** A folder of the host. */
  dir: string;
  /** Starts a jailed shell with a script; its output is in `dir/out`. */
  start(script: string, jail: Partial<Jail>, fds?: readonly number[]): Promise<SpawnedProcess>;
}

async function inWorld(run: (world: World) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "jail-" });
  await Deno.chmod(dir, 0o755);
  const started: SpawnedProcess[] = [];
  try {
    await run({
      dir,
      async start(script, jail, fds = []) {
        const out = { stdoutFile: `${dir}/out`, stderrFile: `${dir}/out` };
        const process = await spawnWithFds(busybox, ["sh", "-c", script], {
          ...out,
          fds,
          env: {},
          jail: { launcher, capabilities: [], ...jail },
        });
        started.push(process);
        return process;
      },
    });
  } finally {
    for (const { ref, exited } of started) {
      killProcess(ref, "SIGKILL");
      await exited;
    }
    await Deno.remove(dir, { recursive: true });
  }
}

const program = [{ path: busybox, access: "read" }] as const;

/** Waits until a shell waits for its input, which never comes: it is in its root then. */
async function untilRuns(dir: string): Promise<void> {
  for (let waitedMs = 0; !exists(`${dir}/own/runs`); waitedMs += 10) {
    ok(waitedMs < 30_000, await Deno.readTextFile(`${dir}/out`));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const WAITING = (dir: string) => `echo >${dir}/own/runs; while :; do read x <${dir}/own/pipe; done`;

async function makeFolders(dir: string): Promise<void> {
  for (const name of ["own", "tree", "tree/below", "disks"]) await Deno.mkdir(`${dir}/${name}`);
  await Deno.writeTextFile(`${dir}/disks/a`, "a disk");
  await new Deno.Command(busybox, { args: ["mkfifo", `${dir}/own/pipe`] }).output();
}

function mountPoints(pid: number): string[] {
  return parseMountinfo(Deno.readTextFileSync(`/proc/${pid}/mountinfo`)).map(({ mountPoint }) => mountPoint)
    .toSorted();
}

Deno.test("a jailed program has a root of its own, which is emptied when it has started", async () => {
  await inWorld(async ({ dir, start }) => {
    await makeFolders(dir);
    const shows = [{ path: `${dir}/own`, access: "write" }, { path: "/dev/null", access: "device" }] as const;
    const root = { shows, untilSealed: program, cwd: `${dir}/own` };
    await Deno.chown(`${dir}/own`, USER, USER);
    const { pid } = await start(WAITING(dir), { root, user: USER });
    await untilRuns(dir);
    strictEqual(Deno.readLinkSync(`/proc/${pid}/cwd`), `${dir}/own`);
    const { uid } = await Deno.stat(`${dir}/own/runs`);
    strictEqual(uid, USER);
    ok(exists(`/proc/${pid}/root${busybox}`));
    sealRoot(pid, []);
    deepStrictEqual(mountPoints(pid), ["/", "/dev/null", "/proc", `${dir}/own`].toSorted());
    ok(exists(`/proc/${pid}/root${dir}/own/runs`), "what it keeps is there");
    throws(() => Deno.writeTextFileSync(`/proc/${pid}/root/new`, ""), /os error 30/);
    deepStrictEqual(
      [...Deno.readDirSync(`/proc/${pid}/root`)].map(({ name }) => name).toSorted(),
      [
        "dev",
        "proc",
        dir.split("/")[1],
      ].toSorted(),
    );
  });
});

Deno.test("what is shown to a jailed program later is there until it is hidden, and twice is once", async () => {
  await inWorld(async ({ dir, start }) => {
    await makeFolders(dir);
    const root = { shows: [{ path: `${dir}/own`, access: "write" }] as const, untilSealed: program };
    const { pid } = await start(WAITING(dir), { root });
    await untilRuns(dir);
    sealRoot(pid, []);
    const before = mountPoints(pid);
    const disk = { path: `${dir}/disks/a`, access: "read" } as const;
    for (let round = 0; round < 3; round++) {
      showInRoot(pid, [disk]);
      showInRoot(pid, [disk]);
      strictEqual(Deno.readTextFileSync(`/proc/${pid}/root${dir}/disks/a`), "a disk");
      throws(() => Deno.writeTextFileSync(`/proc/${pid}/root${dir}/disks/a`, ""), /os error 30/);
      deepStrictEqual(mountPoints(pid), [...before, disk.path].toSorted());
      hideInRoot(pid, [disk.path]);
      hideInRoot(pid, [disk.path]);
      deepStrictEqual(mountPoints(pid), before);
      ok(!exists(`/proc/${pid}/root${dir}/disks/a`));
    }
    throws(() => showInRoot(pid, [{ path: `${dir}/disks/none`, access: "read" }]), /ENOENT/);
    throws(() => Deno.writeTextFileSync(`/proc/${pid}/root/new`, ""), /os error 30/);
  });
});

Deno.test("a jailed program that has a tree open hears of what is mounted in it later", async () => {
  await inWorld(async ({ dir, start }) => {
    await makeFolders(dir);
    mount({ source: `${dir}/tree`, target: `${dir}/tree`, flags: MS.BIND });
    try {
      await new Deno.Command("mount", { args: ["--make-shared", `${dir}/tree`] }).output();
      const shows = [{ path: `${dir}/tree`, access: "tree" }, {
        path: `${dir}/own`,
        access: "write",
      }] as const;
      const { pid } = await start(`exec 9<${dir}/tree; ${WAITING(dir)}`, {
        root: { shows, untilSealed: program },
      });
      await untilRuns(dir);
      sealRoot(pid, [`${dir}/tree`]);
      mount({ source: `${dir}/disks`, target: `${dir}/tree/below`, flags: MS.BIND });
      try {
        strictEqual(Deno.readTextFileSync(`/proc/${pid}/fd/9/below/a`), "a disk");
        strictEqual(Deno.readTextFileSync(`/proc/${pid}/root${dir}/tree/below/a`), "a disk");
      } finally {
        unmount(`${dir}/tree/below`);
      }
      throws(() => Deno.readTextFileSync(`/proc/${pid}/fd/9/below/a`), Deno.errors.NotFound);
    } finally {
      unmount(`${dir}/tree`, UMOUNT.DETACH);
    }
  });
});

const landlock = landlockVersion();
if (landlock < 2) console.log(`Landlock is not tested: this kernel has version ${landlock}`);

/** Runs a script with a folder of the host as descriptor 3, until it waits. */
async function runWithFolder({ dir, start }: World, script: string, jail: Partial<Jail>): Promise<void> {
  await makeFolders(dir);
  const folder = openFd(`${dir}/disks`, OPEN.RDONLY | OPEN.DIRECTORY);
  try {
    await start(`${script}\n${WAITING(dir)}`, jail, [folder]);
    await untilRuns(dir);
  } finally {
    closeFd(folder);
  }
}

const readBy = (folder: string, dir: string) => `read x <${folder}/a; echo "<$x>" >${dir}/own/said`;

Deno.test({
  name: "a jailed program with a root of its own reaches nothing by a folder of the host that it has open",
  ignore: landlock < 2,
  async fn() {
    await inWorld(async (world) => {
      const { dir } = world;
      await runWithFolder(world, readBy("/proc/self/fd/3", dir), {});
      strictEqual(await Deno.readTextFile(`${dir}/own/said`), "<a disk>\n", "with the host's root it does");
    });
    await inWorld(async (world) => {
      const { dir } = world;
      const script = [
        readBy("/proc/self/fd/3", dir),
        "echo new >/proc/self/fd/3/new",
        `cd ${dir}/own; ${busybox} mkdir a b; echo moved >a/f; ${busybox} mv a/f b/f; ${busybox} truncate -s 3 b/f`,
      ];
      const root = { shows: [{ path: `${dir}/own`, access: "write" }] as const, untilSealed: program };
      await runWithFolder(world, script.join("\n"), { root });
      strictEqual(await Deno.readTextFile(`${dir}/own/said`), "<>\n");
      ok(!exists(`${dir}/disks/new`));
      strictEqual(await Deno.readTextFile(`${dir}/own/b/f`), "mov", "in its own folders it may do anything");
    });
  },
});

Deno.test({
  name: "a jailed program with a root of its own opens what it is shown once it is sealed",
  async fn() {
    await inWorld(async (world) => {
      const { dir, start } = world;
      await makeFolders(dir);
      await new Deno.Command(busybox, { args: ["mkfifo", `${dir}/own/answer`] }).output();
      const root = { shows: [{ path: `${dir}/own`, access: "write" }] as const, untilSealed: program };
      const script = `echo >${dir}/own/runs; read go <${dir}/own/pipe; ` +
        `read x <${dir}/disks/a; echo "<$x>" >${dir}/own/answer`;
      const { pid } = await start(script, { root });
      await untilRuns(dir);
      sealRoot(pid, []);
      showInRoot(pid, [{ path: `${dir}/disks/a`, access: "read" }]);
      await Deno.writeTextFile(`${dir}/own/pipe`, "go\n");
      strictEqual(await Deno.readTextFile(`${dir}/own/answer`), "<a disk>\n");
    });
  },
});

Deno.test("a program that has the host's root keeps it", async () => {
  await inWorld(async ({ dir, start }) => {
    await makeFolders(dir);
    const { pid } = await start(WAITING(dir), {});
    await untilRuns(dir);
    const before = mountPoints(pid);
    sealRoot(pid, []);
    showInRoot(pid, [{ path: `${dir}/disks/a`, access: "read" }]);
    hideInRoot(pid, [`${dir}/disks/a`]);
    deepStrictEqual(mountPoints(pid), before);
    ok(exists(`${dir}/disks/a`));
  });
});

Deno.test("a jailed program that makes a call which it is not allowed is killed", async () => {
  const starting = [
    ...[
      "access",
      "arch_prctl",
      "brk",
      "execve",
      "exit_group",
      "fcntl",
      "getrandom",
      "getuid",
      "mmap",
      "mprotect",
      "prctl",
    ],
    ...["prlimit64", "readlink", "readlinkat", "rseq", "rt_sigaction", "set_robust_list", "set_tid_address"],
  ];
  const end = async (calls: readonly string[]): Promise<ChildExit> => {
    const { exited } = await spawnWithFds(busybox, ["sleep", "0"], {
      env: {},
      jail: { launcher, capabilities: [], calls },
    });
    return await exited;
  };
  deepStrictEqual(await end([...starting, "clock_nanosleep"]), { code: 0, signal: null });
  deepStrictEqual(await end(starting), { code: null, signal: "SIGSYS" });
  strictEqual(
    (await end([...starting, "no_such_call", "write"])).code,
    126,
    "a name that nobody knows is told",
  );
});
