import { type Spec } from "../../../lib/oci/mod.ts";
import { devices } from "./devices.ts";
import { cgroupsPath, cpuset, hooks, hostLimits, labels, sysctls } from "./host_settings.ts";
import { cgroupMount, podFiles, shm, volumes } from "./mounts.ts";
import { namespaces } from "./namespaces.ts";
import { root } from "./root.ts";
import { type SpecContext, type SpecStep } from "./step.ts";

/**
 * What turns a spec for the host into one for the guest, in order. Annotations, seccomp, capabilities, rlimits and
 * everything else that no step names go through untouched. docs/storage.md shows the same table.
 */
export const SPEC_CHAIN: readonly SpecStep[] = [
  namespaces,
  sysctls,
  root,
  volumes,
  podFiles,
  shm,
  cgroupMount,
  labels,
  cpuset,
  cgroupsPath,
  devices,
  hostLimits,
  hooks,
];

/**
 * Rewrites a spec for the guest. The spec given stays as it is.
 *
 * @returns the new spec and, each prefixed with its step, notes on what was taken away
 * @throws KuasarError where a step finds what a VM cannot do
 */
export function rewriteSpec(spec: Spec, context: SpecContext): { spec: Spec; notes: string[] } {
  const notes: string[] = [];
  let current = spec;
  for (const step of SPEC_CHAIN) {
    const result = step.apply(current, context);
    current = result.spec;
    notes.push(...(result.notes ?? []).map((note) => `${step.name}: ${note}`));
  }
  return { spec: current, notes };
}
