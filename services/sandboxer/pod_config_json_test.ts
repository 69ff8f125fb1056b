import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { message } from "../../lib/cri/mod.ts";
import {
  LinuxContainerResources,
  LinuxPodSandboxConfig,
  PodSandboxConfig,
} from "../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";
import { podConfigAny } from "./pod_config_json.ts";

Deno.test("the configuration in JSON has the proto's names, but maps keep their keys", () => {
  const any = podConfigAny(message(PodSandboxConfig, {
    dnsConfig: { servers: ["a"], searches: [], options: [] },
    labels: { "aB/c": "x" },
    linux: message(LinuxPodSandboxConfig, {
      resources: message(LinuxContainerResources, {}),
      sysctls: { "net.ipv4.A": "1" },
    }),
  }));
  strictEqual(any.typeUrl, "PodSandboxConfig");
  const json = JSON.parse(new TextDecoder().decode(any.value));
  deepStrictEqual(json.dns_config.servers, ["a"]);
  deepStrictEqual(json.labels, { "aB/c": "x" });
  deepStrictEqual(json.linux.sysctls, { "net.ipv4.A": "1" });
  strictEqual(json.linux.resources.memory_limit_in_bytes, 0);
});
