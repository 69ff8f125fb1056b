import { KuasarError } from "../../lib/errors/mod.ts";
import type { Any } from "../../lib/proto/gen/google/protobuf/any.ts";

/** What of a CRI PodSandboxConfig concerns the guest. */
export interface PodConfig {
  sysctls: Record<string, string>;
  /** The containers share one PID namespace. */
  sharePid: boolean;
}

/** `NamespaceMode.POD` of the CRI. */
const POD = 0;

type Json = Record<string, unknown>;

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const member = (value: unknown, name: string): unknown => isObject(value) ? value[name] : undefined;

/**
 * Reads the pod's configuration as Kuasar's own sandboxer sends it: a snake_case PodSandboxConfig in JSON.
 *
 * @throws INVALID_ARGUMENT when it is no JSON object
 */
export function readKuasarConfig(config: Any | undefined): PodConfig {
  if (!config || config.value.length === 0) return { sysctls: {}, sharePid: false };
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(config.value));
  } catch (cause) {
    throw new KuasarError("INVALID_ARGUMENT", "Cannot read the pod's configuration: it is not JSON", {
      cause,
    });
  }
  if (!isObject(json)) {
    throw new KuasarError("INVALID_ARGUMENT", "Cannot read the pod's configuration: it is not an object");
  }
  const linux = member(json, "linux");
  const sysctls: Record<string, string> = {};
  const given = member(linux, "sysctls");
  for (const [name, value] of Object.entries(isObject(given) ? given : {})) {
    if (typeof value === "string") sysctls[name] = value;
  }
  const options = member(member(linux, "security_context"), "namespace_options");
  // Zero is POD, but a configuration without the options asks for nothing.
  return { sysctls, sharePid: isObject(options) && (options["pid"] ?? POD) === POD };
}
