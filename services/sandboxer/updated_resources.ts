import { KuasarError } from "../../lib/errors/mod.ts";
import { message } from "../../lib/cri/mod.ts";
import type { Any } from "../../lib/proto/gen/google/protobuf/any.ts";
import {
  LinuxContainerResources,
  LinuxPodSandboxConfig,
  type PodSandboxConfig,
} from "../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";

/** Under which name containerd 2.3 and later hands over what CRI's UpdatePodSandboxResources has brought. */
const KEY = "updated-resources";

/** What the kubelet wants a running pod to have; what it did not tell is undefined. */
export interface UpdatedResources {
  resources: LinuxContainerResources | undefined;
  overhead: LinuxContainerResources | undefined;
}

/**
 * Reads the extension in which containerd's CRI hands over the new resources of a pod: JSON of a Go struct, whose two messages
 * have the field names of the proto.
 *
 * @param fields what the update is about; an update of something else brings old resources along
 * @returns undefined where the update is about something else
 * @throws INVALID_ARGUMENT where it is no such JSON
 */
export function decodeUpdatedResources(
  extensions: Readonly<Record<string, Any>>,
  fields: readonly string[],
): UpdatedResources | undefined {
  const value = extensions[KEY]?.value;
  const meant = fields.length === 0 || fields.includes("extensions") || fields.includes(`extensions.${KEY}`);
  if (value === undefined || !meant) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(value));
  } catch (cause) {
    throw invalid("they are not JSON", cause);
  }
  if (!isObject(parsed)) throw invalid("they are no object");
  return { resources: resourcesIn(parsed.Resources), overhead: resourcesIn(parsed.Overhead) };
}

/** A pod's configuration with what an update has brought in the place of what was there. */
export function withResources(pod: PodSandboxConfig, updated: UpdatedResources): PodSandboxConfig {
  const linux = pod.linux ?? message(LinuxPodSandboxConfig, {});
  return {
    ...pod,
    linux: {
      ...linux,
      resources: changed(linux.resources, updated.resources),
      overhead: changed(linux.overhead, updated.overhead),
    },
  };
}

/** What is not told stays, and so does what an update does not change: how easily a process is ended. */
function changed(
  before: LinuxContainerResources | undefined,
  after: LinuxContainerResources | undefined,
): LinuxContainerResources | undefined {
  if (after === undefined) return before;
  return { ...after, oomScoreAdj: before?.oomScoreAdj ?? after.oomScoreAdj };
}

function resourcesIn(value: unknown): LinuxContainerResources | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw invalid("a part of them is no object");
  const number = (name: string): bigint => {
    const found = Object.hasOwn(value, name) ? value[name] : 0;
    if (typeof found !== "number" || !Number.isFinite(found)) throw invalid(`${name} is no number`);
    return BigInt(Math.trunc(found));
  };
  return message(LinuxContainerResources, {
    cpuPeriod: number("cpu_period"),
    cpuQuota: number("cpu_quota"),
    cpuShares: number("cpu_shares"),
    memoryLimitInBytes: number("memory_limit_in_bytes"),
    oomScoreAdj: number("oom_score_adj"),
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(reason: string, cause?: unknown): KuasarError {
  return new KuasarError("INVALID_ARGUMENT", `Cannot read the new resources of the sandbox: ${reason}`, {
    ...(cause !== undefined && { cause }),
  });
}
