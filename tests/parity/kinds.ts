/** Whose pods are compared with stock runc's, with their handler: one kernel of each sort. */
export const KINDS = {
  runc: "kuasar-runc",
  wasm: "kuasar-wasm",
  gvisor: "kuasar-gvisor",
  qemu: "kuasar-qemu",
  "qemu-9p": "kuasar-qemu",
  "qemu-block": "kuasar-qemu",
} as const;

export type KindName = keyof typeof KINDS;

/** How guests get their files where it is not the default way; each is a node of its own, on which cases of files are run. */
export const SHARES: Partial<Record<KindName, string>> = { "qemu-9p": "9p", "qemu-block": "block" };

/** Those that an area is about unless it names its own. */
export const KIND_NAMES = (Object.keys(KINDS) as KindName[]).filter((kind) => SHARES[kind] === undefined);

/** Each way in which containers get files; Wasm's Linux containers have them as those of `kuasar-runc`. */
export const WAYS: readonly KindName[] = ["runc", "gvisor", "qemu", "qemu-9p", "qemu-block"];

/** How people know it. */
export function nameOf(kind: KindName): string {
  const share = SHARES[kind];
  return share === undefined ? `\`${KINDS[kind]}\`` : `\`${KINDS[kind]}\`, ${share}`;
}

/** The handler by which containerd runs containers with its own shim and runc: the referee. */
export const REFEREE = "runc";
