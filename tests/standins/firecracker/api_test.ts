/**
 * What the API of Firecracker accepts and refuses before a VM runs. The same tests hold for the real program, which the
 * variable `FIRECRACKER` names: so the stand-in is no stricter and no milder than that.
 */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { root } from "../../root.ts";
import { programUnderTest } from "../mod.ts";
import { type Answer, Program } from "./program.ts";

const KERNEL = `${root}/build/kernel/vmlinux.bin`;
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
  refused(await program.ask("PUT", "/network-interfaces/nic0", nic), /./);
  refused(await program.ask("PUT", "/network-interfaces/nic0", { ...nic, guest_mac: "no" }), /./);
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
