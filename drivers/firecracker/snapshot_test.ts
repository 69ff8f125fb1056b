import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import type { FullVmConfig, SnapshotCreate } from "./api_types.ts";
import { stageSnapshot, writeSnapshot } from "./snapshot.ts";

const CONFIG: FullVmConfig = {
  drives: [
    { drive_id: "vdb", path_on_host: "disks/d1", is_read_only: true },
    { drive_id: "vda", path_on_host: "empty", is_read_only: true },
  ],
  "machine-config": { vcpu_count: 1, mem_size_mib: 128, smt: false },
  "network-interfaces": [{ iface_id: "nic0", host_dev_name: "tap0", guest_mac: "02:00:00:00:00:01" }],
  balloon: null,
};
const NIC = { tap: "tap9", netnsPath: "", mac: "", mtu: 0, queues: 1, link: "" };

Deno.test("a snapshot takes the way to its disks along, and the next VM has taps of its own", async () => {
  const dir = await Deno.makeTempDir();
  try {
    for (const path of ["s1/disks", "s2/disks", "snapshot"]) {
      await Deno.mkdir(`${dir}/${path}`, { recursive: true });
    }
    await Deno.symlink("/images/one", `${dir}/s1/disks/d1`);
    const written: SnapshotCreate[] = [];
    const api = {
      vmConfig: () => Promise.resolve(CONFIG),
      createSnapshot: (request: SnapshotCreate) => {
        written.push(request);
        return Promise.resolve();
      },
    };
    const directory = `${dir}/snapshot`;
    await writeSnapshot(api, `${dir}/s1`, directory);
    strictEqual(written[0]?.snapshot_path, `${directory}/state`);

    const staged = await stageSnapshot({ directory, onDemand: false }, { nics: [NIC] }, `${dir}/s2`);
    deepStrictEqual(staged, {
      snapshot_path: `${directory}/state`,
      mem_backend: { backend_type: "File", backend_path: `${directory}/memory` },
      resume_vm: true,
      network_overrides: [{ iface_id: "nic0", host_dev_name: "tap9" }],
    });
    strictEqual(await Deno.readLink(`${dir}/s2/disks/d1`), "/images/one");
    await rejects(stageSnapshot({ directory, onDemand: false }, { nics: [] }, `${dir}/s3`), {
      code: "FAILED_PRECONDITION",
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("a directory without a snapshot is told as such", async () => {
  const directory = await Deno.makeTempDir();
  const stage = () => stageSnapshot({ directory, onDemand: false }, { nics: [] }, `${directory}/s`);
  await rejects(stage(), { code: "NOT_FOUND" });
  await Deno.writeTextFile(`${directory}/config.json`, "[");
  await rejects(stage(), { code: "DATA_LOSS" });
  await Deno.remove(directory, { recursive: true });
});
