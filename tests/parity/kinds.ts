/** Whose pods are compared with stock runc's, with their handler: one kernel of each sort. */
export const KINDS = {
  runc: "kuasar-runc",
  wasm: "kuasar-wasm",
  gvisor: "kuasar-gvisor",
  qemu: "kuasar-qemu",
} as const;

export type KindName = keyof typeof KINDS;

export const KIND_NAMES = Object.keys(KINDS) as KindName[];

/** The handler by which containerd runs containers with its own shim and runc: the referee. */
export const REFEREE = "runc";
