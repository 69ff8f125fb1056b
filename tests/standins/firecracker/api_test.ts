/**
 * What the API of Firecracker accepts and refuses before a VM runs. The same tests hold for the real program, which the
 * variable `FIRECRACKER` names: so the stand-in is no stricter and no milder than that.
 */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { root } from "../../root.ts";
import { idleKernel } from "../idle_kernel.ts";
import { programUnderTest } from "../mod.ts";
import { type Answer, Program } from "./program.ts";

const KERNEL = `${root}/build/kernel/vmlinux.bin`;
const NOT_WHILE_RUNNING = /not supported after starting the microVM/;
const NOT_STARTED = /not supported before starting the microVM/;

const refused = (answer: Answer, words: RegExp) => {
  strictEqual(answer.status, 400, JSON.stringify(answer));
  match(answer.fault, words);
};
const done = ({ status, fault }: Answer) => strictEqual(status, 204, fault);

function test(name: string, run: (program: Program) => Promise<void>, args: readonly string[] = []): void {
  Deno.test(`Firecracker: ${name}`, () => Program.with(args, run));
}

test("says what it is and what it was told", async (program) => {
  const info = await program.ask("GET", "/");
  strictEqual(info.value.state, "Not started");
  strictEqual(info.value.app_name, "Firecracker");
  match(String((await program.ask("GET", "/version")).value.firecracker_version), /^1\.\d+\.\d+/);
  deepStrictEqual((await program.ask("GET", "/machine-config")).value, {
    vcpu_count: 1,
    mem_size_mib: 128,
    smt: false,
    track_dirty_pages: false,
    huge_pages: "None",
  });
  done(await program.ask("PUT", "/machine-config", { vcpu_count: 2, mem_size_mib: 256 }));
  strictEqual((await program.ask("GET", "/machine-config")).value.vcpu_count, 2);
  const disk = {
    drive_id: "vda",
    path_on_host: program.file("d"),
    is_root_device: false,
    is_read_only: true,
  };
  done(await program.ask("PUT", "/drives/vda", disk));
  const { drives } = (await program.ask("GET", "/vm/config")).value as { drives: Record<string, unknown>[] };
  strictEqual(drives.length, 1);
  for (const [key, value] of Object.entries(disk)) strictEqual(drives[0]![key], value, key);
});

test("refuses fields that it does not know, wrong types and missing ones", async (program) => {
  const drive = { drive_id: "a", path_on_host: program.file("a"), is_root_device: false, is_read_only: true };
  for (
    const [path, body, words] of [
      ["/drives/a", { ...drive, serial: "s" }, /unknown field `serial`/],
      ["/drives/a", { ...drive, is_read_only: "yes" }, /invalid type/],
      ["/drives/a", { drive_id: "a", path_on_host: "/a" }, /missing field `is_root_device`/],
      ["/drives/a", { ...drive, cache_type: "none" }, /none/],
      ["/machine-config", { vcpu_count: 1 }, /missing field `mem_size_mib`/],
      ["/machine-config", { vcpu_count: 300, mem_size_mib: 128 }, /./],
      [
        "/machine-config",
        { vcpu_count: 1, mem_size_mib: 128, ht_enabled: true },
        /unknown field `ht_enabled`/,
      ],
      ["/boot-source", { kernel_image: KERNEL }, /unknown field `kernel_image`/],
      ["/vsock", { guest_cid: -1, uds_path: "/a" }, /./],
      ["/entropy", { source: "/dev/urandom" }, /unknown field `source`/],
      ["/balloon", { amount_mib: 0 }, /missing field `deflate_on_oom`/],
      ["/serial", { path: "/a" }, /unknown field `path`/],
      ["/actions", { action_type: "Start" }, /Start/],
    ] as const
  ) refused(await program.ask("PUT", path, body), words);
  refused(await program.ask("PATCH", "/vm", { state: "Running" }), /Running/);
});

test("takes ids of letters, digits and _, the same in path and body", async (program) => {
  const drive = { drive_id: "a", path_on_host: program.file("a"), is_root_device: false, is_read_only: true };
  refused(await program.ask("PUT", "/drives/b", drive), /does not match/);
  refused(await program.ask("PUT", "/drives/a-b", { ...drive, drive_id: "a-b" }), /alphanumeric/);
  refused(await program.ask("PUT", "/drives/", drive), /empty/);
  done(await program.ask("PUT", "/drives/a", drive));
  done(await program.ask("PUT", "/drives/a", drive));
  refused(await program.ask("PUT", "/nothing", {}), /Invalid request method and\/or path/);
  refused(await program.ask("GET", "/drives/a"), /Invalid request method and\/or path/);
  refused(await program.ask("PUT", "/entropy"), /Empty PUT request/);
});

test("looks at files as soon as it is told of them", async (program) => {
  const none = `${program.dir}/none`;
  const drive = { drive_id: "a", path_on_host: none, is_root_device: false, is_read_only: true };
  refused(await program.ask("PUT", "/drives/a", drive), /Error manipulating the backing file/);
  refused(
    await program.ask("PUT", "/boot-source", { kernel_image_path: none }),
    /kernel file cannot be opened/,
  );
  refused(
    await program.ask("PUT", "/boot-source", { kernel_image_path: KERNEL, initrd_path: none }),
    /initrd file cannot be opened/,
  );
  refused(
    await program.ask("PUT", "/boot-source", { kernel_image_path: KERNEL, boot_args: "x".repeat(2048) }),
    /command line/,
  );
  done(await program.ask("PUT", "/boot-source", { kernel_image_path: KERNEL, boot_args: "x".repeat(2000) }));
  program.file("v.sock");
  refused(
    await program.ask("PUT", "/vsock", { guest_cid: 3, uds_path: `${program.dir}/v.sock` }),
    /Error binding to the host-side Unix socket/,
  );
});

test("has one root device and machines of a certain size", async (program) => {
  const drive = (id: string) => ({
    drive_id: id,
    path_on_host: program.file(id),
    is_root_device: true,
    is_read_only: true,
  });
  done(await program.ask("PUT", "/drives/a", drive("a")));
  refused(await program.ask("PUT", "/drives/b", drive("b")), /root block device already exists/);
  for (const [vcpu_count, mem_size_mib] of [[0, 128], [33, 128]]) {
    refused(await program.ask("PUT", "/machine-config", { vcpu_count, mem_size_mib }), /number of vCPUs/);
  }
  refused(await program.ask("PUT", "/machine-config", { vcpu_count: 1, mem_size_mib: 0 }), /memory size/);
  refused(
    await program.ask("PUT", "/machine-config", { vcpu_count: 1, mem_size_mib: 129, huge_pages: "2M" }),
    /memory size/,
  );
});

test("takes no null for what has a value of its own, and one for what has none", async (program) => {
  const drive = { drive_id: "a", path_on_host: program.file("a"), is_root_device: false, is_read_only: true };
  const machine = { vcpu_count: 1, mem_size_mib: 128 };
  for (
    const [path, body] of [
      ["/drives/a", { ...drive, cache_type: null }],
      ["/machine-config", { ...machine, smt: null }],
      ["/machine-config", { ...machine, huge_pages: null }],
      ["/balloon", { amount_mib: 0, deflate_on_oom: true, free_page_reporting: null }],
    ] as const
  ) refused(await program.ask("PUT", path, body), /deserializing/);
  done(await program.ask("PUT", "/drives/a", { ...drive, io_engine: null, rate_limiter: null }));
  done(await program.ask("PUT", "/boot-source", { kernel_image_path: KERNEL, initrd_path: null }));
  refused(
    await program.ask("PUT", "/drives/a", { ...drive, path_on_host: null }),
    /Invalid block config/,
  );
});

test("makes a vsock's socket at once, where it can", async (program) => {
  const vsock = (uds_path: string) => program.ask("PUT", "/vsock", { guest_cid: 3, uds_path });
  refused(await vsock(`${program.dir}/none/v.sock`), /No such file or directory/);
  refused(await vsock(`${program.dir}/${"x".repeat(107)}`), /shorter than SUN_LEN/);
  done(await vsock("v.sock"));
});

test("has a balloon no larger than the memory", async (program) => {
  done(await program.ask("PUT", "/machine-config", { vcpu_count: 1, mem_size_mib: 128 }));
  refused(await program.ask("GET", "/balloon"), /No balloon device found/);
  refused(await program.ask("PUT", "/balloon", { amount_mib: 129, deflate_on_oom: true }), /too large/);
  done(await program.ask("PUT", "/balloon", { amount_mib: 128, deflate_on_oom: true }));
  refused(
    await program.ask("PUT", "/machine-config", { vcpu_count: 1, mem_size_mib: 127 }),
    /smaller than the previously set balloon/,
  );
});

const PCI = ["--enable-pci"];

/** A VM whose kernel stands still. */
async function describe(program: Program, bootArgs = "console=ttyS0"): Promise<void> {
  const kernel = `${program.dir}/kernel`;
  await Deno.writeFile(kernel, idleKernel());
  done(await program.ask("PUT", "/boot-source", { kernel_image_path: kernel, boot_args: bootArgs }));
}

async function addDrives(program: Program, count: number, root = false): Promise<void> {
  const path_on_host = program.file("disk", 4096);
  for (let index = 0; index < count; index++) {
    const drive_id = `d${index}`;
    const body = { drive_id, path_on_host, is_root_device: root && index === 0, is_read_only: true };
    done(await program.ask("PUT", `/drives/${drive_id}`, body));
  }
}

const start = (program: Program) => program.ask("PUT", "/actions", { action_type: "InstanceStart" });

test("changes of a running VM what can be changed, and nothing else", async (program) => {
  await describe(program);
  await addDrives(program, 1);
  done(await start(program));
  strictEqual((await program.ask("GET", "/")).value.state, "Running");
  refused(await start(program), NOT_WHILE_RUNNING);
  for (
    const [path, body] of [
      ["/machine-config", { vcpu_count: 1, mem_size_mib: 128 }],
      ["/boot-source", { kernel_image_path: "/nonexistent" }],
      ["/vsock", { guest_cid: 3, uds_path: "v" }],
      ["/entropy", {}],
      ["/serial", {}],
      ["/balloon", { amount_mib: 0, deflate_on_oom: true }],
    ] as const
  ) refused(await program.ask("PUT", path, body), NOT_WHILE_RUNNING);
  refused(await program.ask("PATCH", "/balloon", { amount_mib: 1 }), /Device not found/);
  refused(await program.ask("GET", "/balloon"), /Device not found/);
  const patch = (drive_id: string, path_on_host: string) =>
    program.ask("PATCH", `/drives/${drive_id}`, { drive_id, path_on_host });
  done(await patch("d0", program.file("other", 8192)));
  refused(await patch("d0", `${program.dir}/none`), /backing file: No such file or directory/);
  refused(await patch("none", program.file("other", 8192)), /Device not found/);
  const { drives } = (await program.ask("GET", "/vm/config")).value as { drives: Record<string, unknown>[] };
  strictEqual(drives[0]!.path_on_host, `${program.dir}/other`);

  const snapshot = (name: string, memory: string) =>
    program.ask("PUT", "/snapshot/create", {
      snapshot_path: `${program.dir}/${name}`,
      mem_file_path: `${program.dir}/${memory}`,
    });
  refused(await snapshot("state", "memory"), /unavailable while running/);
  for (const state of ["Paused", "Paused"]) done(await program.ask("PATCH", "/vm", { state }));
  strictEqual((await program.ask("GET", "/")).value.state, "Paused");
  refused(await snapshot("none/state", "memory"), /snapshot backing file: No such file/);
  refused(await snapshot("state", "none/memory"), /memory backing file: No such file/);
  done(await snapshot("state", "memory"));
  for (const state of ["Resumed", "Resumed"]) done(await program.ask("PATCH", "/vm", { state }));
  strictEqual((await program.ask("GET", "/")).value.state, "Running");
}, PCI);

test("has so many places on MMIO", async (program) => {
  await describe(program);
  await addDrives(program, 18);
  refused(await start(program), /Could not attach device/);
});

test("has so many places on PCI", async (program) => {
  await describe(program);
  await addDrives(program, 32);
  refused(await start(program), /Could not attach device/);
}, PCI);

for (
  const [what, args, drives, root, most] of [
    ["PCI", PCI, 0, false, 2047],
    ["PCI and a root device", PCI, 1, true, 2030],
    ["MMIO", [], 0, false, 2039],
    ["MMIO and a root device", [], 1, true, 1987],
    ["MMIO and all places taken", [], 17, false, 1432],
  ] as const
) {
  test(`has room for boot arguments beside its own: ${what}`, async (program) => {
    await addDrives(program, drives, root);
    await describe(program, "x".repeat(most));
    if (most < 2047) {
      await describe(program, "x".repeat(most + 1));
      refused(await start(program), /too long|make command line/);
      await describe(program, "x".repeat(most));
    }
    done(await start(program));
  }, args);
}

test("does not start with an initrd that is empty", async (program) => {
  await describe(program);
  const source = { kernel_image_path: `${program.dir}/kernel`, initrd_path: program.file("initrd") };
  done(await program.ask("PUT", "/boot-source", source));
  refused(await start(program), /initrd/);
});

test("ends where a snapshot cannot be read", async (program) => {
  const none = `${program.dir}/none`;
  const mem_backend = { backend_type: "File", backend_path: none };
  refused(await program.ask("PUT", "/snapshot/load", { snapshot_path: none }), /either `mem_backend`/);
  refused(
    await program.ask("PUT", "/snapshot/load", { snapshot_path: none, mem_backend }),
    /Failed to open snapshot file: No such file/,
  );
  strictEqual(await program.ended, 1);
});

test("does nothing with a VM that does not run", async (program) => {
  refused(await program.ask("PATCH", "/vm", { state: "Paused" }), NOT_STARTED);
  refused(
    await program.ask("PATCH", "/drives/a", { drive_id: "a", path_on_host: program.file("a") }),
    NOT_STARTED,
  );
  refused(await program.ask("PATCH", "/balloon", { amount_mib: 1 }), NOT_STARTED);
  refused(await program.ask("PUT", "/actions", { action_type: "SendCtrlAltDel" }), NOT_STARTED);
  refused(
    await program.ask("PUT", "/actions", { action_type: "InstanceStart" }),
    /without kernel configuration/,
  );
});

test("does not start what is no ELF kernel, and goes on", async (program) => {
  done(await program.ask("PUT", "/boot-source", { kernel_image_path: program.file("kernel", 4096) }));
  refused(
    await program.ask("PUT", "/actions", { action_type: "InstanceStart" }),
    /Kernel Loader|kernel image/,
  );
  strictEqual((await program.ask("GET", "/")).value.state, "Not started");
});

test("refuses a NIC without a tap that it can open with one queue", async (program) => {
  const nic = { iface_id: "nic0", host_dev_name: "a-name-too-long-for-it", guest_mac: "02:00:00:00:00:01" };
  const put = (change: object) => program.ask("PUT", "/network-interfaces/nic0", { ...nic, ...change });
  refused(await put({}), /Invalid interface name/);
  refused(await put({ host_dev_name: "lo" }), /Invalid TUN\/TAP Backend provided by lo/);
  for (const guest_mac of ["no", "02:00:00:00:00", "02-00-00-00-00-01"]) {
    refused(await put({ host_dev_name: "lo", guest_mac }), /deserializing/);
  }
});

Deno.test("Firecracker: a socket that is there makes the start fail", async () => {
  await Program.with([], async (program) => {
    // Its own socket, which is served.
    const { path } = (await programUnderTest("firecracker"))!;
    const { code } = await new Deno.Command(path, {
      args: ["--api-sock", `${program.dir}/api.sock`],
      stdout: "null",
      stderr: "null",
    }).output();
    strictEqual(code, 1);
  });
});

for (
  const [args, code] of [
    [["--nonsense"], 153],
    [["--id"], 153],
    [["--level", "loud"], 152],
  ] as const
) {
  Deno.test(`Firecracker: ${args.join(" ")} ends it with ${code}`, async () => {
    const { path } = (await programUnderTest("firecracker"))!;
    const output = await new Deno.Command(path, { args: [...args], stdout: "null", stderr: "null" }).output();
    strictEqual(output.code, code);
  });
}
