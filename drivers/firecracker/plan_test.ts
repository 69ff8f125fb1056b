import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { parseConfig } from "../../lib/config/mod.ts";
import type { StartRequest } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { ShareKind } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { sandboxPaths } from "../contract/sandbox_paths.ts";
import { startRequest as request } from "../contract/testing/start_request.ts";
import { buildArguments } from "./command_line.ts";
import { fromFile } from "./config.ts";
import { SCHEMA } from "./config_schema.ts";
import { checkRequest, guestName, planVm } from "./plan.ts";

const configure = (text = "") => fromFile(parseConfig(SCHEMA, `[hypervisor]\n${text}`), "test.toml");
const paths = sandboxPaths("/run/driver-fc", "s1", { controlSocket: "api.sock", ownSockets: true });
const share = { kind: ShareKind.BLOCK, tag: "", hostDir: "", socketPath: "", guestDir: "/g" };
const nic = {
  tap: "tap0",
  netnsPath: "/run/netns/a",
  mac: "02:00:00:00:00:0A",
  mtu: 1450,
  queues: 1,
  link: "",
};

Deno.test("every place is a drive whose id is the guest's name of it, and writable ones come last", () => {
  const { drives } = planVm(request(), configure("disk_places = 2\nwritable_disk_places = 1"), paths);
  deepStrictEqual(drives.map(({ drive_id, is_read_only }) => [drive_id, is_read_only]), [
    ["vda", true],
    ["vdb", true],
    ["vdc", false],
  ]);
  for (const { path_on_host, is_root_device } of drives) {
    strictEqual(path_on_host, "empty");
    strictEqual(is_root_device, false);
  }
});

Deno.test("an image is the first drive, from which the guest boots", () => {
  const { drives, bootSource } = planVm(request(), configure(`image_path = "/i"`), paths);
  deepStrictEqual([drives[0]!.drive_id, drives[0]!.path_on_host, drives[0]!.is_root_device], [
    "vda",
    "/i",
    true,
  ]);
  strictEqual(bootSource.initrd_path, undefined);
});

Deno.test("disks are counted as Linux counts them", () => {
  deepStrictEqual([0, 25, 26, 27, 52].map(guestName), ["vda", "vdz", "vdaa", "vdab", "vdba"]);
});

Deno.test("a guest powers itself off by a reset, and shares nothing", () => {
  const { boot_args: words } = planVm(request({ share }), configure(), paths).bootSource;
  for (const word of ["reboot=k", "task.power_off=reset", "task.sharefs_type=none", "console=ttyS0"]) {
    ok(words.split(" ").includes(word), word);
  }
});

Deno.test("NICs are taps by name", () => {
  checkRequest(request({ nics: [nic] }), configure());
  deepStrictEqual(planVm(request({ nics: [nic] }), configure(), paths).nics, [
    { iface_id: "nic0", host_dev_name: "tap0", guest_mac: "02:00:00:00:00:0a" },
  ]);
});

const REFUSED: [string, Partial<StartRequest>, string][] = [
  ["a share of a directory", { share: { ...share, kind: ShareKind.VIRTIOFS } }, ""],
  ["9p", { share: { ...share, kind: ShareKind.NINEP } }, ""],
  ["more vCPUs than 32", { vcpus: 33 }, ""],
  ["a tap with queues", { nics: [{ ...nic, queues: 2 }] }, ""],
  ["taps in two namespaces", { nics: [nic, { ...nic, netnsPath: "/run/netns/b" }] }, ""],
  ["more NICs than there is room for", { nics: Array(4).fill(nic) }, "pci = false\ndisk_places = 9"],
  ["half a huge page", { memoryMib: 255n }, "hugepages = true"],
];
for (const [what, change, text] of REFUSED) {
  Deno.test(`refused: ${what}`, () => {
    throws(() => checkRequest(request(change), configure(text)), { code: "INVALID_ARGUMENT" });
  });
}

// What the program itself puts behind them was measured with Firecracker 1.16.1.
for (
  const [what, text, most] of [
    ["17 devices on MMIO", "pci = false\ndisk_places = 11\nwritable_disk_places = 2", 1432],
    ["a root device", `image_path = "/i"`, 2030],
    ["none of its own", "", 2047],
  ] as const
) {
  Deno.test(`kernel parameters have as much room as Firecracker leaves: ${what}`, () => {
    const config = configure(text);
    const length = (kernelParams: string[]) =>
      planVm(request({ nics: [nic], kernelParams }), config, paths).bootSource.boot_args.length;
    const padded = (bytes: number) => ["x".repeat(bytes - length(["x"]) + 1)];
    strictEqual(length(padded(most)), most);
    checkRequest(request({ nics: [nic], kernelParams: padded(most) }), config);
    throws(() => checkRequest(request({ nics: [nic], kernelParams: padded(most + 1) }), config), {
      code: "INVALID_ARGUMENT",
    });
  });
}

Deno.test("an id is made one that Firecracker takes, and its sandbox stays on", () => {
  const args = buildArguments(configure(), `a_b.${"c".repeat(70)}`, "/s");
  strictEqual(args[args.indexOf("--id") + 1], `a-b-${"c".repeat(60)}`);
  ok(args.includes("--enable-pci"));
  ok(!args.includes("--no-seccomp"));
  ok(buildArguments(configure("seccomp = false"), "s", "/s").includes("--no-seccomp"));
});
