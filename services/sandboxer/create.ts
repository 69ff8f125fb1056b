import { checkId } from "../../lib/oci/mod.ts";
import type {
  ControllerCreateRequest,
  ControllerCreateResponse,
} from "../../lib/proto/gen/containerd/services/sandbox/v1/sandbox.ts";
import { PodSandboxConfig } from "../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";
import { KuasarError } from "../../lib/errors/mod.ts";
import { fromBase64, toBase64 } from "./base64.ts";
import type { Context } from "./context.ts";
import { chooseDriver } from "./driver_choice.ts";
import { decodeMetadata, decodePodConfig, sharesPid } from "./pod_config.ts";
import type { Registry } from "./registry.ts";
import { vmSize } from "./sizing.ts";

/** What is known of a sandbox before its start, wherever that comes from. */
export interface NewSandbox {
  id: string;
  runtimeHandler: string;
  pod: PodSandboxConfig;
  /** `pod` as it came, with what we do not know of it. */
  podConfig: Uint8Array;
  /** Empty for a pod on the host's network. */
  netnsPath: string;
  labels: Record<string, string>;
  /** Made for the task of the same id, which containerd has started without a sandbox. */
  standalone?: boolean;
  /** containerd's bundle of that task. */
  bundle?: string;
  /** `netnsPath` is a namespace of our own, made at the start and removed with the sandbox. */
  ownNetns?: boolean;
  /** Where containerd's CRI plugin wants to find the pod's files; empty for nowhere. */
  criDir?: string;
}

/**
 * Notes a new sandbox. Nothing is started, and a request that is refused leaves nothing.
 *
 * @throws ALREADY_EXISTS for a known id, INVALID_ARGUMENT for a bad id, configuration or runtime handler
 */
export function createSandbox(context: Context, request: ControllerCreateRequest): ControllerCreateResponse {
  const id = checkId(request.sandboxId, "sandbox id");
  noteSandbox(context, {
    id,
    runtimeHandler: decodeMetadata(request.sandbox?.extensions ?? {}).runtimeHandler,
    pod: decodePodConfig(request.options),
    podConfig: request.options?.value ?? new Uint8Array(0),
    netnsPath: request.netnsPath,
    labels: request.sandbox?.labels ?? {},
  });
  return { sandboxId: id };
}

/**
 * Stores a new sandbox.
 *
 * @throws ALREADY_EXISTS for a known id and for a pod that runs already, INVALID_ARGUMENT for a runtime handler without a driver
 */
export function noteSandbox({ config, peers, registry, log }: Context, sandbox: NewSandbox): void {
  const { id, runtimeHandler, pod, netnsPath, labels } = sandbox;
  checkOnlyOne(registry, id, pod);
  const driver = chooseDriver(runtimeHandler, config, () => peers.installed.names());
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
    netnsPath,
    podConfig: toBase64(sandbox.podConfig),
    labels,
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
    ...(sandbox.standalone && { standalone: true }),
    ...(sandbox.bundle && { bundle: sandbox.bundle }),
    ...(sandbox.ownNetns && { ownNetns: true }),
    ...(sandbox.criDir && { criDir: sandbox.criDir }),
  });
  log.info("Created", { sandbox: id, driver, pod: `${pod.metadata?.namespace}/${pod.metadata?.name}` });
}

/**
 * Refuses a pod that runs already. containerd keeps two of one name, UID and attempt apart by names that it forgets for sandboxes of
 * an external sandboxer when it restarts; both would have the pod's volumes.
 *
 * @throws ALREADY_EXISTS
 */
function checkOnlyOne(registry: Registry, id: string, { metadata }: PodSandboxConfig): void {
  // Whoever tells no UID makes pods by names of its own.
  if (metadata === undefined || metadata.uid === "") return;
  const same = registry.all().find(({ record }) =>
    record.id !== id && record.state === "ready" && record.exit === undefined &&
    record.uid === metadata.uid &&
    record.name === metadata.name && record.namespace === metadata.namespace &&
    PodSandboxConfig.decode(fromBase64(record.podConfig)).metadata?.attempt === metadata.attempt
  );
  if (same === undefined) return;
  throw new KuasarError(
    "ALREADY_EXISTS",
    `Cannot create sandbox ${id}: pod ${metadata.namespace}/${metadata.name} runs in sandbox ${same.id}, attempt ${metadata.attempt}`,
  );
}
