import { deepStrictEqual, rejects, throws } from "node:assert/strict";
import { sandboxPaths } from "../contract/sandbox_paths.ts";
import { adaptConfig, type SavedConfig, stageSnapshot } from "./snapshot.ts";

const SAVED: SavedConfig = {
  cpus: { boot_vcpus: 1 },
  vsock: { socket: "/run/old/s1/vm.vsock" },
  serial: { mode: "Socket", socket: "/run/old/s1/console.sock" },
  net: [{ id: "nic0", num_queues: 4 }, { id: "nic1", num_queues: 2 }],
  landlock_rules: [{ path: "/run/old/s1", access: "rw" }, { path: "/images", access: "rw" }],
};

Deno.test("what belongs to the VM before becomes the next one's, the rest stays", () => {
  const paths = sandboxPaths("/run/new", "s2", { controlSocket: "api.sock", ownSockets: true });
  deepStrictEqual(adaptConfig(SAVED, paths), {
    cpus: { boot_vcpus: 1 },
    vsock: { socket: "/run/new/s2/vm/vm.vsock" },
    serial: { mode: "Socket", socket: "/run/new/s2/vm/console.sock" },
    net: SAVED.net,
    landlock_rules: [{ path: "/run/new/s2/vm", access: "rw" }, { path: "/images", access: "rw" }],
  });
  throws(() => adaptConfig({ fs: [{}] }, paths), { code: "FAILED_PRECONDITION" });
});

Deno.test("a snapshot is left as it is, and paging on demand asked for where the version has it", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${dir}/s2`);
    await rejects(
      stageSnapshot(
        { directory: dir, onDemand: false },
        sandboxPaths(dir, "s2", { controlSocket: "a", ownSockets: true }),
        {
          major: 53,
          minor: 0,
        },
      ),
    );
    await Deno.writeTextFile(`${dir}/config.json`, JSON.stringify(SAVED));
    for (const [id, major, onDemand] of [["s3", 53, true], ["s4", 51, true], ["s5", 53, false]] as const) {
      await Deno.mkdir(`${dir}/${id}`);
      const paths = sandboxPaths(dir, id, { controlSocket: "api.sock", ownSockets: true });
      const staged = await stageSnapshot({ directory: dir, onDemand }, paths, { major, minor: 0 });
      deepStrictEqual(staged, {
        request: {
          source_url: `file://${dir}/${id}/restore`,
          ...(id === "s3" ? { memory_restore_mode: "OnDemand" } : {}),
          net_fds: [{ id: "nic0", num_fds: 2 }, { id: "nic1", num_fds: 1 }],
        },
        queuePairs: [2, 1],
      });
      deepStrictEqual(Deno.readLinkSync(`${dir}/${id}/restore/memory-ranges`), `${dir}/memory-ranges`);
    }
    deepStrictEqual(JSON.parse(await Deno.readTextFile(`${dir}/config.json`)), SAVED);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
