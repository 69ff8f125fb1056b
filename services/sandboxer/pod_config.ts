import { asKuasarError, KuasarError } from "../../lib/errors/mod.ts";
import type { Any } from "../../lib/proto/gen/google/protobuf/any.ts";
import { NamespaceMode, PodSandboxConfig } from "../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";

/** What containerd puts into `options`; without a prefix. */
const CONFIG_TYPE = "runtime.v1.PodSandboxConfig";

/**
 * Decodes the pod's configuration from the `options` of Create; without options it is empty.
 *
 * @throws INVALID_ARGUMENT for another type or a malformed message
 */
export function decodePodConfig(options: Any | undefined): PodSandboxConfig {
  const value = options?.value ?? new Uint8Array(0);
  if (value.length > 0 && options?.typeUrl.split("/").at(-1) !== CONFIG_TYPE) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot take the options of a sandbox: their type must be ${CONFIG_TYPE}, is ${options?.typeUrl}`,
    );
  }
  try {
    return PodSandboxConfig.decode(value);
  } catch (error) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot decode the configuration of the pod: ${asKuasarError(error).message}`,
      { cause: error },
    );
  }
}

/** True where the containers of the pod share a PID namespace; the host's is the guest's own. */
export function sharesPid(config: PodSandboxConfig): boolean {
  // Absent messages mean their defaults, as for containerd, and the default is POD.
  const mode = config.linux?.securityContext?.namespaceOptions?.pid ?? NamespaceMode.POD;
  return mode !== NamespaceMode.CONTAINER;
}

/** What containerd's CRI tells besides the configuration, in JSON. */
export interface CniMetadata {
  runtimeHandler: string;
}

/**
 * Reads the extension `metadata`, in which containerd's CRI hands over what it knows of the pod. It is not ours and
 * may be absent.
 *
 * @throws INVALID_ARGUMENT when it is there and no such JSON
 */
export function decodeMetadata(extensions: Readonly<Record<string, Any>>): CniMetadata {
  const value = extensions.metadata?.value;
  if (value === undefined || value.length === 0) return { runtimeHandler: "" };
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(value));
  } catch (error) {
    throw new KuasarError("INVALID_ARGUMENT", `Cannot read the metadata of the sandbox: ${String(error)}`);
  }
  const handler = property(property(parsed, "Metadata"), "RuntimeHandler");
  return { runtimeHandler: typeof handler === "string" ? handler : "" };
}

function property(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}
