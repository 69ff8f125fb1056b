import type { SetupSandboxRequest } from "../../lib/proto/gen/grpc/sandbox.ts";
import type { AttachResponse } from "../../lib/proto/gen/kuasar/network/v1/network.ts";
import { PodSandboxConfig } from "../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";
import { fromBase64 } from "./base64.ts";
import { podConfigAny } from "./pod_config_json.ts";
import type { SandboxRecord } from "./record.ts";

/** Bytes for the guest's entropy pool, so that it need not wait for its own. */
const ENTROPY_BYTES = 256;

/** Everything that a guest must know of its pod, in one message. The host's time is that of the call. */
export function setupRequest(
  record: SandboxRecord,
  network: AttachResponse | undefined,
): SetupSandboxRequest {
  const config = PodSandboxConfig.decode(fromBase64(record.podConfig));
  return {
    config: podConfigAny(config),
    interfaces: network?.interfaces ?? [],
    routes: network?.routes ?? [],
    neighbors: network?.neighbors ?? [],
    rules: network?.rules ?? [],
    networkSysctls: network?.sysctls ?? {},
    // A pod on the host's network has none of it: its guest keeps what its kernel has.
    wholeNetwork: (network?.interfaces.length ?? 0) > 0,
    files: network?.files ?? [],
    sandboxId: record.id,
    hostname: record.hostname,
    sysctls: config.linux?.sysctls ?? {},
    sharePid: record.sharePid,
    hostTimeNs: BigInt(Date.now()) * 1_000_000n,
    entropy: crypto.getRandomValues(new Uint8Array(ENTROPY_BYTES)),
  };
}
