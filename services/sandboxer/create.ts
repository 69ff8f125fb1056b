import { checkId } from "../../lib/oci/mod.ts";
import type {
  ControllerCreateRequest,
  ControllerCreateResponse,
} from "../../lib/proto/gen/containerd/services/sandbox/v1/sandbox.ts";
import { toBase64 } from "./base64.ts";
import type { Context } from "./context.ts";
import { chooseDriver } from "./driver_choice.ts";
import { decodeMetadata, decodePodConfig, sharesPid } from "./pod_config.ts";
import { vmSize } from "./sizing.ts";

/**
 * Notes a new sandbox. Nothing is started, and a request that is refused leaves nothing.
 *
 * @throws ALREADY_EXISTS for a known id, INVALID_ARGUMENT for a bad id, configuration or runtime handler
 */
export function createSandbox(context: Context, request: ControllerCreateRequest): ControllerCreateResponse {
  const { config, registry, log } = context;
  const id = checkId(request.sandboxId, "sandbox id");
  const pod = decodePodConfig(request.options);
  const { runtimeHandler } = decodeMetadata(request.sandbox?.extensions ?? {});
  const driver = chooseDriver(runtimeHandler, config);
  registry.create({
    id,
    state: "created",
    driver,
    runtimeHandler,
    name: pod.metadata?.name ?? "",
    namespace: pod.metadata?.namespace ?? "",
    uid: pod.metadata?.uid ?? "",
    // As containerd does it for its own sandboxes.
    hostname: pod.hostname || Deno.hostname(),
    netnsPath: request.netnsPath,
    podConfig: toBase64(request.options?.value ?? new Uint8Array(0)),
    labels: request.sandbox?.labels ?? {},
    ...vmSize(pod, config.sizing),
    sharePid: sharesPid(pod),
    // Our own time: containerd sends Go's zero time for pods on the host's network.
    createdAtMs: Date.now(),
    pid: 0,
    reason: "",
    evidence: [],
    phases: [],
    cleaned: true,
    leftovers: [],
  });
  log.info("Created", { sandbox: id, driver, pod: `${pod.metadata?.namespace}/${pod.metadata?.name}` });
  return { sandboxId: id };
}
