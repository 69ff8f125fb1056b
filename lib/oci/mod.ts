export { CRI_ANNOTATION, PAUSE_TYPE } from "./cri_annotations.ts";
export { checkId, isId } from "./id.ts";
export { withoutLabels } from "./labels.ts";
export { MAX_SPEC_LENGTH, parseProcess, parseSpec, stringifySpec } from "./parse.ts";
export { RUNTIME_ANNOTATION } from "./runtime_annotation.ts";
export { runtimeErrors } from "./runtime_log.ts";
export {
  type Device,
  type DeviceRule,
  type Linux,
  type Mount,
  type Namespace,
  NAMESPACE_TYPES,
  type NamespaceType,
  type Process,
  type Resources,
  type Root,
  type Spec,
  type User,
} from "./spec.ts";
export { sysctlPath } from "./sysctl.ts";
