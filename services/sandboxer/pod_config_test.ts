import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { message } from "../../lib/cri/mod.ts";
import { KuasarError } from "../../lib/errors/mod.ts";
import {
  LinuxPodSandboxConfig,
  LinuxSandboxSecurityContext,
  PodSandboxConfig,
} from "../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";
import { decodeMetadata, decodePodConfig, sharesPid } from "./pod_config.ts";

Deno.test("PID namespaces are shared unless the pod says CONTAINER, as for containerd", () => {
  const empty = message(PodSandboxConfig, {});
  const withPid = (pid: number) => {
    const namespaceOptions = { network: 0, pid, ipc: 0, targetId: "" };
    const securityContext = message(LinuxSandboxSecurityContext, { namespaceOptions });
    return sharesPid({ ...empty, linux: message(LinuxPodSandboxConfig, { securityContext }) });
  };
  deepStrictEqual([sharesPid(empty), withPid(0), withPid(1), withPid(2)], [true, true, false, true]);
});

Deno.test("options and metadata of any bytes give a result or INVALID_ARGUMENT", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (value) => {
    const attempts = [
      () => decodePodConfig({ typeUrl: "runtime.v1.PodSandboxConfig", value }),
      () => decodeMetadata({ metadata: { typeUrl: "", value } }),
    ];
    for (const attempt of attempts) {
      try {
        attempt();
      } catch (error) {
        strictEqual((error as KuasarError).code, "INVALID_ARGUMENT");
      }
    }
  }));
});

Deno.test("metadata of any JSON gives a handler", () => {
  fc.assert(fc.property(fc.json(), (text) => {
    const value = new TextEncoder().encode(text);
    strictEqual(typeof decodeMetadata({ metadata: { typeUrl: "", value } }).runtimeHandler, "string");
  }));
});
