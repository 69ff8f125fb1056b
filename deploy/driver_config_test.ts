import { deepStrictEqual } from "node:assert/strict";
import { parse } from "@std/toml";
import { qemuConfig } from "./driver_config.ts";

Deno.test("the driver's configuration names what was built", () => {
  const paths = { qemu: "/q", kernel: "/k", initrd: "/i with space", vhostDeviceVsock: "/v" };
  const { hypervisor } = parse(qemuConfig(paths)) as { hypervisor: Record<string, unknown> };
  deepStrictEqual({ ...hypervisor }, {
    qemu_path: "/q",
    kernel_path: "/k",
    initrd_path: "/i with space",
    vhost_device_vsock_path: "/v",
    memory_in_mb: 256,
  });
});
