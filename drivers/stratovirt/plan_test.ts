import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { parseConfig } from "../../lib/config/mod.ts";
import type { StartRequest } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { ShareKind } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import type { SandboxPaths } from "../contract/sandbox_paths.ts";
import { startRequest as request } from "../contract/testing/start_request.ts";
import { fromFile } from "./config.ts";
import { SCHEMA } from "./config_schema.ts";
import { diskSlots } from "./launch_plan.ts";
import { checkRequest, planLaunch, queuePairs } from "./plan.ts";

const configure = (text = "") => fromFile(parseConfig(SCHEMA, `[hypervisor]\n${text}`), "test.toml");
const Q35 = `machine_type = "q35"\nfirmware = "/f"`;

/** The kernel's parameters, without the one that the architecture of the test's host adds. */
const parameters = (text: string, change: Partial<StartRequest> = {}) =>
  plan(change, `kernel_params = "quiet"\n${text}`).kernelParams.replace(" no_timer_check", "");

const plan = (change: Partial<StartRequest> = {}, text = "", nicFds: number[][] = []) =>
  planLaunch(
    request(change),
    configure(text),
    PATHS,
    { kind: "kernel", cid: 3, vhostFd: 3, secretPort: 1023 },
    nicFds,
  );

const PATHS = { monitor: "/m", consoleSocket: "/c" } as SandboxPaths;

Deno.test("a sandbox has the size that its pod asks for, else the configured one", () => {
  const { vcpus, memoryMib } = plan({ vcpus: 3, memoryMib: 300n });
  deepStrictEqual([vcpus, memoryMib], [3, 300]);
  const small = plan({}, "vcpus = 2\nmemory_in_mb = 640");
  deepStrictEqual([small.vcpus, small.memoryMib], [2, 640]);
});

Deno.test("a microvm is ended by a reset, a PCIe machine plugs natively", () => {
  strictEqual(
    parameters("", { kernelParams: ["x=y"] }),
    "console=ttyS0 panic=-1 pci=off reboot=k task.power_off=reset task.secret_port=1023 quiet x=y",
  );
  strictEqual(parameters(Q35), "console=ttyS0 panic=-1 pcie_ports=native task.secret_port=1023 quiet");
  strictEqual(
    parameters(`machine_type = "virt"`),
    "console=ttyAMA0 panic=-1 pcie_ports=native task.secret_port=1023 quiet",
  );
});

Deno.test("an image is the root file system, and takes the first place of a microvm", () => {
  const { kernelParams, machine, image, ports } = plan({}, `image_path = "/img"`);
  strictEqual(kernelParams.includes("root=/dev/vda ro"), true);
  deepStrictEqual(diskSlots({ machine, image, ports }).map(({ addr }) => addr), ["0x1", "0x2", "0x3"]);
  deepStrictEqual(diskSlots({ machine, image: "", ports }).length, 4);
  deepStrictEqual(diskSlots(plan({}, `${Q35}\nhotplug_ports = 2`)), [
    { bus: "rp0", addr: "0x0" },
    { bus: "rp1", addr: "0x0" },
  ]);
});

Deno.test("a NIC has the queues that were opened for it, of a microvm one", () => {
  const nic = { tap: "t", netnsPath: "/n", mac: "02:00:00:00:00:AB", mtu: 1500, queues: 2, link: "eth0" };
  deepStrictEqual(plan({ nics: [nic] }, Q35, [[5, 6]]).nics, [{ fds: [5, 6], mac: "02:00:00:00:00:ab" }]);
  deepStrictEqual(
    [queuePairs(configure(), 4), queuePairs(configure(Q35), 4), queuePairs(configure(Q35), 0)],
    [1, 4, 1],
  );
});

const NIC = { tap: "t", netnsPath: "/n", mac: "02:00:00:00:00:01", mtu: 1500, queues: 1, link: "eth0" };
const SHARE = { kind: ShareKind.NINEP, tag: "t", hostDir: "/d", socketPath: "", guestDir: "/g" };

for (
  const [name, change] of Object.entries<Partial<StartRequest>>({
    "more than 254 vCPUs": { vcpus: 255 },
    "less than 128 MiB": { memoryMib: 127n },
    "more than 512 GiB": { memoryMib: 512n * 1024n + 1n },
    "three NICs in a microvm": { nics: [NIC, NIC, NIC] },
    "a 9p share": { share: SHARE },
  })
) {
  Deno.test(`${name}: refused`, () => {
    throws(() => checkRequest(request(change), configure()), { code: "INVALID_ARGUMENT" });
  });
}

Deno.test("what is allowed is taken", () => {
  checkRequest(request({ vcpus: 254, memoryMib: 128n, nics: [NIC, NIC] }), configure());
  checkRequest(
    request({ nics: [NIC, NIC, NIC], share: { ...SHARE, kind: ShareKind.VIRTIOFS } }),
    configure(Q35),
  );
});
