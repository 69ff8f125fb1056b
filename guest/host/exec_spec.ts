import { parseProcess, stringifySpec, withoutLabels } from "../../lib/oci/mod.ts";
import type { Any } from "../../lib/proto/gen/google/protobuf/any.ts";
import { type HostRuntime, HostRuntime_Kind } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import * as sys from "../native/sys.js";

/**
 * The process of an exec as a sandbox takes it.
 *
 * @param spec OCI process as containerd sends it: its bytes are JSON
 * @param runtime of the container; undefined for one in a virtual machine
 * @returns where the container runs on the host's own kernel `spec` itself, else one without labels of that kernel
 * @throws KuasarError INVALID_ARGUMENT where it is no OCI process
 */
export function execSpec(spec: Any | undefined, runtime: HostRuntime | undefined): Any | undefined {
  if (!spec || runtime?.kind === HostRuntime_Kind.RUNC) return spec;
  const process = withoutLabels(parseProcess(sys.utf8Decode(spec.value)));
  return { ...spec, value: sys.utf8Encode(stringifySpec(process as never)) };
}
