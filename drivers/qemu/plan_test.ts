import { deepStrictEqual, match, strictEqual, throws } from "node:assert/strict";
import { parseConfig } from "../../lib/config/mod.ts";
import { ShareKind } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import type { StartRequest } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { startRequest as request } from "../contract/testing/start_request.ts";
import { fromFile } from "./config.ts";
import { SCHEMA } from "./config_schema.ts";
import { checkRequest, planLaunch } from "./plan.ts";

const configure = (text = "") => fromFile(parseConfig(SCHEMA, text), "test.toml");

const opened = { monitorFd: 3, consoleFd: 4, vsock: { kind: "hybrid", socket: "/v" } as const, nicFds: [] };

Deno.test("a request that asks for nothing takes the configured size", () => {
  const config = configure(`[hypervisor]\nvcpus = 3\nmemory_in_mb = 640`);
  const plan = planLaunch(request(), config, "tcg", opened);
  deepStrictEqual([plan.vcpus, plan.memoryMib], [3, 640]);
  const sized = planLaunch(request({ vcpus: 2, memoryMib: 300n }), config, "tcg", opened);
  deepStrictEqual([sized.vcpus, sized.memoryMib], [2, 300]);
});

Deno.test("the host's CPU exists with KVM only", () => {
  const config = configure(`[hypervisor]\ncpu_model = "host"\ncpu_features = "pmu=off"`);
  strictEqual(planLaunch(request(), config, "kvm", opened).cpu, "host,pmu=off");
  strictEqual(planLaunch(request(), config, "tcg", opened).cpu, "max,erms=off,fsrm=off,pmu=off");
});

Deno.test("kernel parameters: ours, the configured ones, the request's, in this order", () => {
  const share = { kind: ShareKind.NINEP, tag: "kuasar", hostDir: "/d", socketPath: "", guestDir: "/g" };
  const plan = planLaunch(
    request({ kernelParams: ["task.debug"], share }),
    configure(`[hypervisor]\nkernel_params = "quiet a=b"`),
    "tcg",
    opened,
  );
  strictEqual(
    plan.kernelParams.replace(" no_timer_check", ""),
    "console=ttyS0 panic=-1 init_on_alloc=0 task.sharefs_type=9p quiet a=b task.debug",
  );
});

Deno.test("an emulated guest clears the pages that virtiofsd writes to", () => {
  const share = {
    kind: ShareKind.VIRTIOFS,
    tag: "kuasar",
    hostDir: "/d",
    socketPath: "/s",
    guestDir: "/g",
  };
  const params = (accel: "kvm" | "tcg") =>
    planLaunch(request({ share }), configure(), accel, opened).kernelParams;
  match(params("tcg"), / init_on_alloc=1 /);
  strictEqual(params("kvm").includes("init_on_alloc"), false);
});

Deno.test("a guest on the kernel's vsock is told to want a secret, and never which", () => {
  const vsock = { kind: "kernel", cid: 7, vhostFd: 3, secretPort: 1022 } as const;
  const { kernelParams } = planLaunch(request(), configure(), "tcg", { ...opened, vsock });
  match(kernelParams, /^console=ttyS0 panic=-1 task\.secret_port=1022 /);
  strictEqual(planLaunch(request(), configure(), "tcg", opened).kernelParams.includes("secret"), false);
});

Deno.test("an image is the root file system, an initrd is not", () => {
  const image = planLaunch(request(), configure(`[hypervisor]\nimage_path = "/x.img"`), "tcg", opened);
  match(image.kernelParams, /root=\/dev\/vda ro/);
  const initrd = planLaunch(request(), configure(`[hypervisor]\ninitrd_path = "/x"`), "tcg", opened);
  strictEqual(initrd.kernelParams.includes("root="), false);
});

Deno.test("NICs get the fds that were opened for them", () => {
  const nic = { tap: "t0", netnsPath: "/n", mac: "02:00:00:00:00:AB", mtu: 1500, queues: 2, link: "eth0" };
  const plan = planLaunch(request({ nics: [nic] }), configure(), "tcg", { ...opened, nicFds: [[5, 6]] });
  deepStrictEqual(plan.nics, [{ fds: [5, 6], mac: "02:00:00:00:00:ab", mtu: 1500 }]);
});

for (
  const [name, change] of Object.entries<Partial<StartRequest>>({
    "too many vCPUs": { vcpus: 256 },
    "too little memory": { memoryMib: 63n },
    "too much memory": { memoryMib: 1n << 63n },
    "a quote in a kernel parameter": { kernelParams: ['a="b c"'] },
    "a space in a kernel parameter": { kernelParams: ["a b"] },
    "an empty kernel parameter": { kernelParams: [""] },
    "a long kernel command line": { kernelParams: ["x".repeat(2048)] },
    "a bad MAC": { nics: [{ tap: "t", netnsPath: "/n", mac: "02:00,id=x", mtu: 0, queues: 1, link: "" }] },
    "a bad MTU": {
      nics: [{ tap: "t", netnsPath: "/n", mac: "02:00:00:00:00:01", mtu: 1, queues: 1, link: "" }],
    },
  })
) {
  Deno.test(`a request with ${name} is refused`, () => {
    throws(() => checkRequest(request(change), configure()), { code: "INVALID_ARGUMENT" });
  });
}

Deno.test("an ordinary request passes", () =>
  checkRequest(request({ kernelParams: ["task.debug", "a=b,c"] }), configure()));

Deno.test("ports for VFIO devices have room for their memory, and cost nothing where there are none", () => {
  const paramsOf = (text: string) => planLaunch(request(), configure(text), "tcg", opened).kernelParams;
  strictEqual(paramsOf("").includes("pci="), false);
  match(paramsOf("[hypervisor]\npcie_root_ports = 2"), / pci=hpmmiosize=32M,hpmmioprefsize=4096M /);
  match(
    paramsOf("[hypervisor]\npcie_root_ports = 1\npcie_root_port_mmio_mb = 65536"),
    /hpmmioprefsize=65536M/,
  );
});
