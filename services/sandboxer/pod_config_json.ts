import type { Any } from "../../lib/proto/gen/google/protobuf/any.ts";
import type { PodSandboxConfig } from "../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";

/** Fields whose keys are data and not names. */
const MAPS = new Set(["labels", "annotations", "sysctls", "unified"]);

/** The configuration as Kuasar's guest takes it: JSON with the field names of the proto. */
export function podConfigAny(config: PodSandboxConfig): Any {
  const text = JSON.stringify(snakeCased(config));
  return { typeUrl: "PodSandboxConfig", value: new TextEncoder().encode(text) };
}

function snakeCased(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map(snakeCased);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      MAPS.has(key) ? item : snakeCased(item),
    ]),
  );
}
