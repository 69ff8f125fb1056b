import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { exists } from "../files/mod.ts";
import { spawnWithFds } from "../process/mod.ts";
import { makeCgroup, removeCgroup } from "./cgroup.ts";
import { hierarchies, type Hierarchy } from "./hierarchies.ts";
import { memoryKills } from "./memory_kills.ts";

const MIB = 1 << 20;

/** Calls `test` with a tree of such files, as the kernel would show them. */
async function withTree(
  version: Hierarchy["version"],
  files: Readonly<Record<string, string>>,
  test: (trees: Hierarchy[]) => void,
): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    for (const [path, text] of Object.entries(files)) {
      await Deno.mkdir(`${root}/${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true });
      await Deno.writeTextFile(`${root}/${path}`, text);
    }
    test([{ root: `${root}/nothing`, version }, { root, version }]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("version 1: the victim's cgroup counts the kill, the one above has the limit", async () => {
  await withTree(1, {
    "kubepods/pod1/kuasar_s/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
    "kubepods/pod1/kuasar_s/memory.limit_in_bytes": "9223372036854771712\n",
    "kubepods/pod1/kuasar_s/memory.failcnt": "0\n",
    "kubepods/pod1/memory.limit_in_bytes": `${300 * MIB}\n`,
    "kubepods/pod1/memory.failcnt": "17\n",
    "kubepods/memory.limit_in_bytes": `${9000 * MIB}\n`,
    "kubepods/memory.failcnt": "0\n",
  }, (trees) => {
    deepStrictEqual(memoryKills("/kubepods/pod1/kuasar_s", trees), {
      count: 1,
      limit: { cgroup: "/kubepods/pod1", bytes: 300 * MIB },
    });
  });
});

Deno.test("version 2: the local events of the victim and of the limit", async () => {
  const events = (oom: number, kill: number) => `low 0\nhigh 0\nmax 9\noom ${oom}\noom_kill ${kill}\n`;
  await withTree(2, {
    "a.slice/kuasar_s/memory.events.local": events(0, 2),
    "a.slice/kuasar_s/memory.max": "max\n",
    "a.slice/memory.events.local": events(1, 0),
    "a.slice/memory.max": `${64 * MIB}\n`,
  }, (trees) => {
    deepStrictEqual(memoryKills("/a.slice/kuasar_s", trees), {
      count: 2,
      limit: { cgroup: "/a.slice", bytes: 64 * MIB },
    });
  });
});

Deno.test("a host that has run out of memory reaches no limit; without a kill nothing is told", async () => {
  await withTree(2, {
    "k/memory.events.local": "oom 0\noom_kill 1\n",
    "k/memory.max": `${64 * MIB}\n`,
    "l/memory.events": "oom 3\noom_kill 0\n",
    "l/memory.max": `${64 * MIB}\n`,
  }, (trees) => {
    deepStrictEqual(memoryKills("/k", trees), { count: 1 });
    deepStrictEqual(memoryKills("/l", trees), { count: 0 });
    strictEqual(memoryKills("/gone", trees), undefined);
    strictEqual(memoryKills("/k", []), undefined);
  });
});

/** Limits the memory of a cgroup of the host. False where nothing does. */
function limitMemory(folders: readonly string[], bytes: number): boolean {
  const files = folders.flatMap((folder) => [`${folder}/memory.limit_in_bytes`, `${folder}/memory.max`]);
  const file = files.find(exists);
  if (file !== undefined) Deno.writeTextFileSync(file, String(bytes));
  return file !== undefined;
}

Deno.test({
  name: "the kernel's own files, of whichever version, tell of a kill at a limit above",
  ignore: Deno.uid() !== 0 || hierarchies().length === 0,
  fn: async () => {
    const parent = `/kuasar-kill-${Deno.pid}`;
    const path = `${parent}/pod`;
    const folders = makeCgroup(path);
    const above = folders.map((folder) => folder.slice(0, folder.lastIndexOf("/")));
    try {
      if (!limitMemory(above, 16 * MIB)) return console.log("this host has no memory controller");
      deepStrictEqual(memoryKills(path), { count: 0 });
      // It keeps the last line, which never ends.
      const { exited } = await spawnWithFds("/usr/bin/tail", ["/dev/zero"], { cgroups: folders });
      strictEqual((await exited).signal, "SIGKILL");
      deepStrictEqual(memoryKills(path), { count: 1, limit: { cgroup: parent, bytes: 16 * MIB } });
    } finally {
      await removeCgroup(folders);
      await removeCgroup(above);
    }
  },
});
