import { KuasarError } from "../../../lib/errors/mod.ts";
import { type Namespace, type NamespaceType } from "../../../lib/oci/mod.ts";
import { NAMESPACE_DIR } from "../guest_paths.ts";
import { type SpecStep, without } from "./step.ts";

/**
 * The guest is the pod, so its network is the pod's; ipc, uts and, when shared, pid are held open by the
 * agent. Everything else a container has for itself. The hostname belongs to the pod's uts namespace.
 */
export const namespaces: SpecStep = {
  name: "namespaces",
  why: "the host's namespace paths mean nothing in the guest: join the pod's ipc, uts and shared pid, " +
    "make own pid, mount and cgroup namespaces, use the guest's network",
  apply(spec, { sharePid }) {
    const linux = spec.linux ?? {};
    const join = (type: NamespaceType): Namespace => ({ type, path: `${NAMESPACE_DIR}/${type}` });
    if (!sharePid && linux.namespaces?.some(({ type, path }) => type === "pid" && path)) {
      throw new KuasarError(
        "UNIMPLEMENTED",
        "Cannot join the PID namespace of another container (TARGET): a VM has one namespace for each container, or one for all " +
          "where the pod asks for it (shareProcessNamespace), and containerd does not tell which container is meant",
      );
    }
    const asked = new Set(linux.namespaces?.map(({ type }) => type));
    const list: Namespace[] = [
      sharePid ? join("pid") : { type: "pid" },
      join("ipc"),
      join("uts"),
      { type: "mount" },
      { type: "cgroup" },
    ];
    // Without mappings of its own a user namespace could only be one of the host's.
    if (asked.has("user") && linux.uidMappings?.length) list.push({ type: "user" });
    if (linux.namespaces?.some(({ type, path }) => type === "time" && !path)) list.push({ type: "time" });
    return { spec: { ...without(spec, "hostname", "domainname"), linux: { ...linux, namespaces: list } } };
  },
};
