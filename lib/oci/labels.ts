import type { Process } from "./spec.ts";

/**
 * A process without its AppArmor profile and SELinux label: they are loaded in the host's kernel, and a sandbox with a kernel
 * of its own has none of them. containerd gives them to each exec anew.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/main/config.md#linux-process
 */
export function withoutLabels<T extends Process>(
  { apparmorProfile: _profile, selinuxLabel: _label, ...process }: T,
): Omit<T, "apparmorProfile" | "selinuxLabel"> {
  return process;
}
