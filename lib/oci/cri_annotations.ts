/** Annotations that containerd's CRI plugin writes into specs (pkg/cri/annotations). */
export const CRI_ANNOTATION = {
  /** {@link PAUSE_TYPE}, or `container`. */
  containerType: "io.kubernetes.cri.container-type",
  containerName: "io.kubernetes.cri.container-name",
  imageName: "io.kubernetes.cri.image-name",
  sandboxId: "io.kubernetes.cri.sandbox-id",
  sandboxName: "io.kubernetes.cri.sandbox-name",
  sandboxNamespace: "io.kubernetes.cri.sandbox-namespace",
  sandboxUid: "io.kubernetes.cri.sandbox-uid",
  sandboxCpuPeriod: "io.kubernetes.cri.sandbox-cpu-period",
  sandboxCpuQuota: "io.kubernetes.cri.sandbox-cpu-quota",
  sandboxMemory: "io.kubernetes.cri.sandbox-memory",
} as const;

/** The type of a pause container. */
export const PAUSE_TYPE = "sandbox";
