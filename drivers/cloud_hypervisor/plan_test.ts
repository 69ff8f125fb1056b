import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { parseConfig } from "../../lib/config/mod.ts";
import { ShareKind } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { sandboxPaths } from "../contract/sandbox_paths.ts";
import { startRequest as request } from "../contract/testing/start_request.ts";
import { fromFile } from "./config.ts";
import { SCHEMA } from "./config_schema.ts";
import { checkRequest, diskConfig, planVm, queuePairs } from "./plan.ts";

const configure = (text = "") => fromFile(parseConfig(SCHEMA, `[hypervisor]\n${text}`), "test.toml");
const paths = sandboxPaths("/run/driver-clh", "s1", { controlSocket: "api.sock", ownSockets: true });
const V53 = { major: 53, minor: 0 };

const share = { kind: ShareKind.VIRTIOFS, tag: "kuasar", hostDir: "/d", socketPath: "/s", guestDir: "/g" };

Deno.test("memory is shared where virtiofsd maps it, and only there", () => {
  strictEqual(planVm(request(), configure(), V53, paths).memory.shared, false);
  const plan = planVm(request({ share }), configure(), V53, paths);
  strictEqual(plan.memory.shared, true);
  strictEqual(plan.fs?.[0]?.socket, "/s");
  ok(plan.payload.cmdline.includes("task.sharefs_type=virtiofs"));
});

Deno.test("both consoles are always named, or the VMM takes its own terminal", () => {
  const { console, serial } = planVm(request(), configure(), V53, paths);
  deepStrictEqual(console, { mode: "Off" });
  deepStrictEqual(serial, { mode: "Socket", socket: paths.consoleSocket });
});

Deno.test("a sandbox has room to grow where it is configured", () => {
  const plan = planVm(request({ vcpus: 2 }), configure("max_vcpus = 4\nmemory_hotplug_mb = 256"), V53, paths);
  deepStrictEqual(plan.cpus, { boot_vcpus: 2, max_vcpus: 4, nested: false });
  strictEqual(plan.memory.hotplug_size, 256 * 1024 * 1024);
});

Deno.test("an image is a disk or persistent memory", () => {
  const blk = planVm(request(), configure(`image_path = "/i"`), V53, paths);
  strictEqual(blk.disks?.[0]?.path, "/i");
  ok(blk.payload.cmdline.includes("root=/dev/vda ro"));
  const pmem = planVm(request(), configure(`image_path = "/i"\nimage_device = "pmem"`), V53, paths);
  strictEqual(pmem.pmem?.[0]?.file, "/i");
  ok(pmem.payload.cmdline.includes("root=/dev/pmem0 ro"));
});

Deno.test("an old version is not sent what it would drop", () => {
  strictEqual(diskConfig("d", "/p", true, "s", { major: 50, minor: 0 }).image_type, undefined);
  strictEqual(diskConfig("d", "/p", true, "s", V53).image_type, "Raw");
});

Deno.test("a NIC has no more queue pairs than there are vCPUs", () => {
  strictEqual(queuePairs(request({ vcpus: 2 }), configure(), 8), 2);
  strictEqual(queuePairs(request({ vcpus: 2 }), configure(), 0), 1);
});

Deno.test("9p is refused: there is none", () => {
  throws(() => checkRequest(request({ share: { ...share, kind: ShareKind.NINEP } }), configure()), {
    code: "INVALID_ARGUMENT",
  });
});
