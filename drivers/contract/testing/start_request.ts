import type { StartRequest } from "../../../lib/proto/gen/kuasar/driver/v1/driver.ts";

/** A request that asks for nothing, with `change` in it. */
export function startRequest(change: Partial<StartRequest> = {}): StartRequest {
  return {
    sandboxId: "s1",
    vcpus: 0,
    memoryMib: 0n,
    nics: [],
    share: undefined,
    kernelParams: [],
    netnsPath: "",
    podConfig: new Uint8Array(0),
    hostname: "",
    sharePid: false,
    files: [],
    cgroups: [],
    cgroup: "",
    ...change,
  };
}
