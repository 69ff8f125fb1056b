import { deepStrictEqual } from "node:assert/strict";
import { parseConfig } from "../../lib/config/mod.ts";
import { SCHEMA } from "./config_schema.ts";
import { deployment } from "./deployment.ts";

Deno.test("the generated configuration is valid and names what was built", () => {
  const text = deployment.configuration({
    tools: { qemu: "/q", vhostDeviceVsock: "/v" },
    agent: "/a",
    kernel: "/k",
    bzImage: "/z",
    initrd: "/i with space",
    image: "/m",
    memoryMib: 256,
  });
  const { hypervisor } = parseConfig(SCHEMA, text);
  deepStrictEqual(
    [
      hypervisor.qemu_path,
      hypervisor.kernel_path,
      hypervisor.initrd_path,
      hypervisor.vhost_device_vsock_path,
      hypervisor.memory_in_mb,
    ],
    ["/q", "/k", "/i with space", "/v", 256],
  );
});
