import { deepStrictEqual, match, strictEqual, throws } from "node:assert/strict";
import { OPEN, openFd } from "../../../lib/libc/mod.ts";
import { DiskLocks } from "./disk_locks.ts";
import { EventMonitor } from "./events.ts";
import { checkLandlock } from "./landlock.ts";
import { route } from "./routes.ts";
import { Vmm } from "./vmm.ts";

/** A stand-in without its process and without QEMU: all that happens before a guest boots. */
class Program {
  readonly #version: number;
  readonly #vmm: Vmm;

  constructor(version: number, workDir: string) {
    this.#version = version;
    const options = { version: `${version}.0.0`, qemu: "/nonexistent", vhostDeviceVsock: "/nonexistent" };
    this.#vmm = new Vmm(options, new EventMonitor(undefined), workDir, () => {});
  }

  async call(method: string, name: string, body?: unknown, fds: number[] = []) {
    const text = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
    const request = { method, path: `/api/v1/${name}`, body: text };
    return await route(this.#vmm, this.#version, request, fds, () => {});
  }

  put(name: string, body?: unknown) {
    return this.call("PUT", name, body);
  }
}

async function withProgram(
  version: number,
  test: (program: Program, dir: string) => Promise<void>,
): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await test(new Program(version, `${dir}/work`), dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const CONFIG = {
  payload: { kernel: "/nonexistent/kernel" },
  console: { mode: "Off" },
  serial: { mode: "Null" },
};
const DISK = { id: "d", path: "/dev/null", image_type: "Raw" };

Deno.test("the router refuses as the real one does", () =>
  withProgram(53, async (program) => {
    const status = async (method: string, name: string, body?: unknown) =>
      (await program.call(method, name, body)).status;
    strictEqual(await status("GET", "vmm.ping"), 200);
    strictEqual(await status("GET", "vmm.ping?x=1"), 404);
    strictEqual(await status("GET", "vm.nothing"), 404);
    strictEqual(await status("GET", "vmm.shutdown"), 400);
    strictEqual(await status("PUT", "vmm.ping"), 400);
    strictEqual(await status("PUT", "vm.boot", {}), 400);
    strictEqual(await status("PUT", "vm.create"), 400);
    strictEqual(await status("PUT", "vm.create", "{"), 400);
    deepStrictEqual(await program.put("vm.delete"), { status: 204 });
    deepStrictEqual(await program.put("vmm.shutdown"), { status: 200 });
  }));

Deno.test("an error is a chain, a text in versions before 47, and its code depends on the version", async () => {
  for (const [version, status, body] of [[53, 404, /^\["/], [52, 500, /^\["/], [46, 500, /^[^[]/]] as const) {
    await withProgram(version, async (program) => {
      const answer = await program.call("GET", "vm.info");
      strictEqual(answer.status, status);
      match(answer.body!, body);
    });
  }
});

for (
  const [what, version, body, words] of [
    ["a field that nobody knows", 53, { ...CONFIG, cpu: {} }, /\.cpu is no field/],
    ["a field of a later version", 51, { ...CONFIG, platform: { iommufd: true } }, /from v52 on/],
    ["descriptors in JSON", 53, { ...CONFIG, net: [{ id: "n", fds: [3] }] }, /fds is no field/],
    ["a wrong type", 53, { ...CONFIG, memory: { size: "1" } }, /invalid type/],
    ["no value for what has one of its own", 53, { ...CONFIG, watchdog: null }, /invalid type/],
    ["what is no MAC address", 53, { ...CONFIG, net: [{ id: "n", mac: "no" }] }, /invalid type/],
    [
      "half a topology",
      53,
      { ...CONFIG, cpus: { boot_vcpus: 1, max_vcpus: 1, topology: { packages: 1 } } },
      /missing field/,
    ],
    ["a missing field", 53, { ...CONFIG, vsock: { cid: 3 } }, /missing field/],
    ["a console on a terminal", 53, { payload: CONFIG.payload }, /no use for a console/],
  ] as const
) {
  Deno.test(`refused at once: ${what}`, () =>
    withProgram(version, async (program) => {
      const answer = await program.put("vm.create", body);
      strictEqual(answer.status, 400);
      match(answer.body!, words);
    }));
}

for (
  const [what, change, words] of [
    ["a kernel that is not there", {}, /kernel/],
    [
      "a file system without shared memory",
      { fs: [{ id: "f", tag: "t", socket: "/dev/null" }] },
      /shared memory/,
    ],
    ["an id twice", { disks: [DISK, DISK] }, /not unique/],
    ["an id that is reserved", { disks: [{ ...DISK, id: "__d" }] }, /reserved/],
    ["a disk without its type", { disks: [{ id: "d", path: "/dev/null" }] }, /image_type/],
    ["a disk that is not there", { disks: [{ ...DISK, path: "/nonexistent" }] }, /does not exist/],
    ["a serial of 21 bytes", { disks: [{ ...DISK, serial: "x".repeat(21) }] }, /20 bytes/],
    ["a reserved CID", { vsock: { id: "v", cid: 2, socket: "/nonexistent/v" } }, /CID/],
    ["an odd number of queues", { net: [{ id: "n", tap: "t", num_queues: 3 }] }, /queues/],
    ["a small MTU", { net: [{ id: "n", tap: "t", mtu: 1000 }] }, /MTU/],
    ["a balloon as large as the memory", { balloon: { size: 512 << 20 } }, /balloon/],
    ["a pmem file that is not there", { pmem: [{ id: "p", file: "/nonexistent" }] }, /pmem/],
    ["pmem of odd size", { pmem: [{ id: "p", file: import.meta.filename! }] }, /PmemSizeNotAligned/],
    [
      "shared memory that merges",
      { memory: { size: 256 << 20, shared: true, mergeable: true } },
      /mergeable/,
    ],
  ] as const
) {
  Deno.test(`stored, and refused by the boot: ${what}`, () =>
    withProgram(53, async (program) => {
      deepStrictEqual(await program.put("vm.create", { ...CONFIG, ...change }), { status: 204 });
      const answer = await program.put("vm.boot");
      strictEqual(answer.status, 500);
      match(answer.body!, words);
      // The configuration stays, and with it the next one is refused.
      strictEqual((await program.put("vm.create", CONFIG)).status, 500);
      strictEqual((await program.put("vm.delete")).status, 204);
      strictEqual((await program.put("vm.create", CONFIG)).status, 204);
    }));
}

Deno.test("a serial port's socket stays when its VM is deleted, and is in the way of the next", () =>
  withProgram(53, async (program, dir) => {
    const config = { ...CONFIG, serial: { mode: "Socket", socket: `${dir}/s` } };
    deepStrictEqual(await program.put("vm.create", config), { status: 204 });
    deepStrictEqual(await program.put("vm.delete"), { status: 204 });
    match((await program.put("vm.create", config)).body!, /Address already in use/);
    // The configuration is stored all the same.
    strictEqual((await program.call("GET", "vm.info")).status, 200);
    deepStrictEqual(await program.put("vm.delete"), { status: 204 });
  }));

Deno.test("devices are checked when they are added, and unknown ones do not leave", () =>
  withProgram(53, async (program, dir) => {
    await program.put("vm.create", CONFIG);
    const file = `${dir}/pmem`;
    await Deno.writeFile(file, new Uint8Array(2 << 20));
    strictEqual((await program.put("vm.add-pmem", { id: "p", file })).status, 204);
    strictEqual((await program.put("vm.add-pmem", { id: "p", file })).status, 500);
    strictEqual((await program.put("vm.add-fs", { id: "f", tag: "t", socket: file })).status, 500);
    match((await program.put("vm.add-device", { id: "d", path: "/nonexistent/" })).body!, /does not exist/);
    match((await program.put("vm.add-device", { id: "d", path: `${dir}/` })).body!, /IOMMU/);
    strictEqual((await program.put("vm.remove-device", { id: "p" })).status, 204);
    strictEqual((await program.put("vm.remove-device", { id: "p" })).status, 500);
  }));

Deno.test("a VM that has not booted has no run state, and a snapshot needs one", () =>
  withProgram(53, async (program, dir) => {
    await program.put("vm.create", CONFIG);
    for (const name of ["vm.pause", "vm.resume", "vm.shutdown"]) {
      const { status, body } = await program.put(name);
      strictEqual(status, 500, name);
      match(body!, /VM is not running/);
    }
    strictEqual((await program.put("vm.snapshot", { destination_url: `file://${dir}` })).status, 500);
    strictEqual((await program.put("vm.restore", { source_url: `file://${dir}` })).status, 500);
    // Before the boot a device has no address.
    deepStrictEqual(await program.put("vm.add-disk", DISK), { status: 204 });
    strictEqual((await program.put("vm.remove-device", { id: "x" })).status, 500);
    strictEqual((await program.put("vm.resize", { desired_balloon: 1 })).status, 500);
  }));

Deno.test("a restore needs a snapshot, all descriptors, and knows what its version knows", async () => {
  await withProgram(53, async (program, dir) => {
    const source_url = `file://${dir}`;
    strictEqual((await program.put("vm.restore", { source_url })).status, 500);
    const net = [{ id: "nic0", num_queues: 4 }];
    await Deno.writeTextFile(`${dir}/kernel`, "");
    await Deno.writeTextFile(
      `${dir}/config.json`,
      JSON.stringify({
        ...CONFIG,
        cpus: { boot_vcpus: 2, max_vcpus: 2 },
        memory: { size: 256 << 20 },
        net,
        payload: {},
      }),
    );
    const answer = await program.put("vm.restore", { source_url, net_fds: [{ id: "nic0", num_fds: 2 }] });
    // No kernel to boot: the stand-in's QEMU needs one.
    strictEqual(answer.status, 500);
  });
  await withProgram(51, async (program) => {
    const answer = await program.put("vm.restore", {
      source_url: "file:///x",
      memory_restore_mode: "OnDemand",
    });
    strictEqual(answer.status, 400);
    match(answer.body!, /from v52 on/);
  });
});

Deno.test("descriptors come with the requests that take them, in the number that was said", () =>
  withProgram(53, async (program) => {
    const fd = () => openFd("/dev/null", OPEN.RDONLY);
    await program.put("vm.create", CONFIG);
    const wrong = await program.call("PUT", "vm.add-disk", DISK, [fd()]);
    match(wrong.body!, /descriptors came with/);
    const few = await program.call("PUT", "vm.add-net", { id: "n", num_queues: 4 }, [fd()]);
    strictEqual(few.status, 500);
    match((await program.put("vm.add-net", { id: "n" })).body!, /without descriptors/);
    match((await program.call("PUT", "vm.add-net", { id: "n", num_queues: 2 }, [fd()])).body!, /no tap/);
  }));

Deno.test("a disk has one writer or many readers, from v46 on", async () => {
  const path = await Deno.makeTempFile();
  const mine = new DiskLocks(53);
  const theirs = new DiskLocks(46);
  const old = new DiskLocks(45);
  const refusal = (error: { status: number; message: string }) => {
    match(error.message, /already locked/);
    return error.status === 500;
  };
  try {
    mine.take({ id: "d", path });
    mine.take({ id: "d", path });
    throws(() => theirs.take({ id: "d", path }), refusal);
    throws(() => theirs.take({ id: "d", path, readonly: true }), refusal);
    old.take({ id: "d", path });
    mine.release("d");
    mine.release("d");
    theirs.take({ id: "d", path, readonly: true });
    mine.take({ id: "d", path, readonly: true });
    throws(() => mine.take({ id: "e", path }), refusal);
  } finally {
    for (const locks of [mine, theirs, old]) locks.clear();
    await Deno.remove(path);
  }
});

Deno.test("with Landlock only what the rules name comes into a running VM", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${dir}/disk`, "");
    const config = { landlock_enable: true, landlock_rules: [{ path: dir, access: "rw" }] } as never;
    checkLandlock(config, `${dir}/disk`);
    throws(() => checkLandlock(config, `${dir}-other/disk`), /Permission denied/);
    await Deno.symlink("/etc/passwd", `${dir}/link`);
    throws(() => checkLandlock(config, `${dir}/link`), /Permission denied/);
    checkLandlock({ landlock_rules: [] } as never, "/etc/passwd");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
