/**
 * `deno task runtime-classes`: the RuntimeClass of every handler, for `kubectl apply -f -`.
 */
import { type DriverDeployment, DRIVERS } from "../drivers.ts";

/**
 * What a pod in a VM costs besides its containers, for the scheduler: the guest's kernel and agent (64 MiB, the sandboxer's
 * `guest_overhead_mib`), and VMM, virtiofsd and vsock device (96 MiB, its `vmm_overhead_mib`).
 */
const VM_OVERHEAD = { memory: "160Mi", cpu: "100m" };

/** Nodes that have Kuasar carry this label. */
const NODE_LABEL = "kuasar.io/runtime";

/** The manifest of one handler, as YAML. */
export function runtimeClass(handler: string, { vm }: Pick<DriverDeployment, "vm">): string {
  const overhead = vm
    ? `overhead:
  podFixed:
    memory: ${VM_OVERHEAD.memory}
    cpu: ${VM_OVERHEAD.cpu}
`
    : "";
  return `apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata:
  name: ${handler}
handler: ${handler}
${overhead}scheduling:
  nodeSelector:
    ${NODE_LABEL}: "true"
`;
}

/** The manifests of all handlers by their file names. */
export function runtimeClasses(drivers: readonly DriverDeployment[] = DRIVERS): Map<string, string> {
  return new Map(
    drivers.flatMap((driver) =>
      driver.handlers.map((handler) => [`${handler}.yaml`, runtimeClass(handler, driver)] as const)
    ),
  );
}

if (import.meta.main) console.log([...runtimeClasses().values()].join("---\n").trimEnd());
