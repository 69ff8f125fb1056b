import { message } from "../../../lib/cri/mod.ts";
import {
  LinuxContainerResources,
  LinuxPodSandboxConfig,
  PodSandboxConfig,
} from "../../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";

/** The configuration of a pod with these resources, and this overhead. */
export function podWithResources(
  resources: Partial<LinuxContainerResources>,
  overhead: Partial<LinuxContainerResources> = {},
): PodSandboxConfig {
  return message(PodSandboxConfig, {
    linux: message(LinuxPodSandboxConfig, {
      resources: message(LinuxContainerResources, resources),
      overhead: message(LinuxContainerResources, overhead),
    }),
  });
}
