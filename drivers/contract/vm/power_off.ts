/**
 * Kernel parameters by which a guest ends a machine that has no ACPI: on x86 only a reset through the keyboard controller does,
 * on aarch64 PSCI switches off by itself.
 */
export function powerOffParams(arch: string = Deno.build.arch): string[] {
  return arch === "x86_64" ? ["reboot=k", "task.power_off=reset"] : [];
}
