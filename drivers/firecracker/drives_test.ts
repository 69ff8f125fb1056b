import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { KuasarError } from "../../lib/errors/mod.ts";
import type { DriveUpdate, FullVmConfig } from "./api_types.ts";
import { Drives } from "./drives.ts";

const SIZE = 1536;

/** A VMM with two places for read-only disks and one for a writable one, and a directory for the links. */
async function withDrives(run: (vmm: FakeVmm, open: () => Drives) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${dir}/disks`);
    await Deno.writeFile(`${dir}/file`, new Uint8Array(SIZE));
    const vmm = new FakeVmm(dir);
    await run(vmm, () => new Drives(vmm, dir, vmm.config()));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

class FakeVmm {
  readonly dir: string;
  readonly drives = new Map<string, { path: string; readOnly: boolean }>();
  failure: KuasarError | undefined;

  constructor(dir: string) {
    this.dir = dir;
    this.drives.set("vda", { path: "/images/kuasar.img", readOnly: true });
    for (const id of ["vdb", "vdc", "vdd"]) {
      this.drives.set(id, { path: "empty", readOnly: id !== "vdd" });
    }
  }
  updateDrive({ drive_id, path_on_host }: DriveUpdate): Promise<void> {
    if (this.failure) return Promise.reject(this.failure);
    this.drives.get(drive_id)!.path = path_on_host;
    return Promise.resolve();
  }
  /** In an order of its own. */
  config(): Pick<FullVmConfig, "drives"> {
    return {
      drives: [...this.drives].reverse().map(([drive_id, { path, readOnly }]) => ({
        drive_id,
        path_on_host: path,
        is_read_only: readOnly,
      })),
    };
  }
  get taken(): string[] {
    return [...this.drives].filter(([, { path }]) => path.startsWith("disks/")).map(([id]) => id)
      .sort();
  }
  disk(serial: string, readOnly = true) {
    return { hostPath: `${this.dir}/file`, serial, readOnly };
  }
}

Deno.test("a disk comes and goes, and both may be repeated", () =>
  withDrives(async (vmm, open) => {
    const drives = open();
    for (let i = 0; i < 3; i++) {
      await drives.attach(vmm.disk("a"));
      await drives.attach(vmm.disk("a"));
      strictEqual(vmm.taken.length, 1);
      strictEqual(drives.source("a"), `place:${vmm.taken[0]}:3`);
      strictEqual(
        await Deno.realPath(`${vmm.dir}/${vmm.drives.get(vmm.taken[0]!)!.path}`),
        await Deno.realPath(`${vmm.dir}/file`),
      );
      await drives.detach("a");
      await drives.detach("a");
      deepStrictEqual(vmm.taken, []);
      strictEqual(drives.source("a"), undefined);
      deepStrictEqual([...Deno.readDirSync(`${vmm.dir}/disks`)], []);
    }
  }));

Deno.test("each kind of disk has its places, and the image is none", () =>
  withDrives(async (vmm, open) => {
    const drives = open();
    await drives.attach(vmm.disk("w", false));
    deepStrictEqual(vmm.taken, ["vdd"]);
    await rejects(drives.attach(vmm.disk("x", false)), /all 1 places for writable.*writable_disk_places/);
    await drives.attach(vmm.disk("a"));
    await drives.attach(vmm.disk("b"));
    await rejects(drives.attach(vmm.disk("c")), { code: "RESOURCE_EXHAUSTED" });
    deepStrictEqual(vmm.taken, ["vdb", "vdc", "vdd"]);
    await drives.detach("a");
    await drives.attach(vmm.disk("c"));
  }));

Deno.test("a driver that comes back reads from the VMM which disk is where", () =>
  withDrives(async (vmm, open) => {
    const first = open();
    await first.attach(vmm.disk("a"));
    await first.attach(vmm.disk("b"));
    await first.detach("a");
    const before = first.source("b");
    const second = open();
    strictEqual(second.source("b"), before);
    strictEqual(second.source("a"), undefined);
    await second.attach(vmm.disk("c"));
    strictEqual(vmm.taken.length, 2);
    // Its file is gone meanwhile: it can still be taken out.
    await Deno.remove(`${vmm.dir}/file`);
    await open().detach("b");
    strictEqual(vmm.taken.length, 1);
  }));

Deno.test("a refused disk leaves its place free, one without an answer is tried again there", () =>
  withDrives(async (vmm, open) => {
    const drives = open();
    vmm.failure = new KuasarError("INTERNAL", "refused");
    await rejects(drives.attach(vmm.disk("a")), { code: "INTERNAL" });
    deepStrictEqual([...Deno.readDirSync(`${vmm.dir}/disks`)], []);
    vmm.failure = new KuasarError("DEADLINE_EXCEEDED", "no answer");
    await rejects(drives.attach(vmm.disk("a")), { code: "DEADLINE_EXCEEDED" });
    vmm.failure = undefined;
    await drives.attach(vmm.disk("a"));
    await drives.attach(vmm.disk("b"));
    ok(vmm.taken.includes("vdb") && vmm.taken.includes("vdc"));
  }));

Deno.test("what is no disk is refused", () =>
  withDrives(async (vmm, open) => {
    const drives = open();
    for (
      const device of [
        { ...vmm.disk("a"), hostPath: "/dev/null" },
        { ...vmm.disk("a"), hostPath: `${vmm.dir}/none` },
        vmm.disk("a/b"),
      ]
    ) await rejects(drives.attach(device), { code: "INVALID_ARGUMENT" });
    deepStrictEqual(vmm.taken, []);
  }));
