import { KuasarError } from "../../lib/errors/mod.ts";
import { LIMITS_ANNOTATION } from "../../lib/gvisor/mod.ts";
import { CRI_ANNOTATION, type Mount, type Namespace, type Resources, type Spec } from "../../lib/oci/mod.ts";
import type { SandboxRecord } from "../contract/host/record.ts";
import { hinted, type MountHint } from "./mount_hints.ts";
import { rootIdOf } from "./root_id.ts";
import { POD_PID_PATH, SHM_OPTIONS } from "./root_spec.ts";

/** Settings of gVisor's that annotations could change; they are not for whoever writes a pod. */
const OWN_ANNOTATIONS = "dev.gvisor.";

/**
 * Changes a spec that was made for namespaces of the host into one for a container that joins gVisor's sandbox.
 *
 * gVisor's kernel has namespaces of its own, so what was to be joined on the host is left out; only that PIDs are shared is
 * told. The cgroup is the sandbox's. The pod's shared memory becomes the tmpfs that the sandbox shares
 * ({@link rootSpec}).
 *
 * @param before containerd's spec, which tells whether the container joins the pod's PID namespace
 */
export function joinedSpec(
  spec: Spec,
  before: Pick<Spec, "linux">,
  { sandbox, containerId, others, shm, limits, hints = [] }: {
    sandbox: Readonly<SandboxRecord>;
    containerId: string;
    /** Containers that the pod has besides. */
    others: readonly string[];
    shm: string;
    limits: string;
    /** What the pod's annotations say of its volumes. */
    hints?: readonly MountHint[];
  },
): Spec {
  const { cgroupsPath: _cgroupsPath, resources, ...linux } = spec.linux ?? {};
  const annotations = Object.entries(spec.annotations ?? {}).filter(([key]) =>
    !key.startsWith(OWN_ANNOTATIONS) && key !== LIMITS_ANNOTATION
  );
  return {
    ...(containerId === sandbox.id ? withoutHooks(spec) : spec),
    mounts: (spec.mounts ?? []).map((mount) => hinted(sharedMemory(mount, shm), hints)),
    annotations: {
      ...Object.fromEntries(annotations),
      [CRI_ANNOTATION.containerType]: "container",
      [CRI_ANNOTATION.sandboxId]: rootIdOf(sandbox.id),
      ...(limits === "" ? {} : { [LIMITS_ANNOTATION]: limits }),
    },
    // For kuasar-task, which gives the sandbox their sum; gVisor looks at none of them.
    linux: {
      ...linux,
      ...(resources ? { resources: limitsOf(resources) } : {}),
      namespaces: namespaces(before.linux?.namespaces ?? [], sandbox, containerId, others),
    },
  };
}

/** Those of a container that the sandbox was made for have been run by the sandboxer, before the sandbox took its network. */
function withoutHooks({ hooks, ...spec }: Spec): Spec {
  if (typeof hooks !== "object" || hooks === null) return spec;
  const { poststart } = hooks as { poststart?: unknown };
  return poststart === undefined ? spec : { ...spec, hooks: { poststart } };
}

function limitsOf({ memory, cpu }: Resources): Resources {
  return { ...(memory ? { memory } : {}), ...(cpu ? { cpu } : {}) };
}

function namespaces(
  wanted: readonly Namespace[],
  { sharePid }: Readonly<SandboxRecord>,
  containerId: string,
  others: readonly string[],
): Namespace[] {
  const joins = wanted.some(({ type, path }) => type === "pid" && path !== undefined && path !== "");
  const path = !joins ? pidPathOf(containerId) : sharePid ? POD_PID_PATH : pidPathOf(targetAmong(others));
  return [{ type: "pid", path }, { type: "ipc" }, { type: "uts" }, { type: "mount" }];
}

/** Those who name the same path are in the same PID namespace of gVisor's; there need not be such a file. */
function pidPathOf(containerId: string): string {
  return `/kuasar/${containerId}/pid`;
}

/**
 * The container whose PID namespace another one joins (TARGET, `kubectl debug --target`). containerd tells of it the pid alone,
 * which in gVisor's sandbox is one for all.
 */
function targetAmong(others: readonly string[]): string {
  if (others.length === 1) return others[0]!;
  throw new KuasarError(
    "FAILED_PRECONDITION",
    "Cannot join the PID namespace of another container (TARGET): containerd does not tell gVisor's containers apart, and " +
      `the pod has ${others.length} others; with shareProcessNamespace all have one`,
  );
}

/** By type and source gVisor knows the tmpfs of the sandbox; as a bind it would be backed by a file in the source. */
function sharedMemory(mount: Mount, shm: string): Mount {
  if (mount.destination !== "/dev/shm" || mount.type === "bind" && mount.source !== shm) return mount;
  return { destination: "/dev/shm", type: "tmpfs", source: shm, options: SHM_OPTIONS };
}
