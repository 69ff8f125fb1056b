/** `io.containerd.kuasar-vmm.v2` for a binary called `containerd-shim-kuasar-vmm-v2`. */
export function runtimeName(program: string): string {
  return program.replace(/^containerd-shim-/, "io.containerd.").replace(/-(v\d+)$/, ".$1");
}
