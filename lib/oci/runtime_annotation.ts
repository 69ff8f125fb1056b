/** Of a sandbox: the runtime's name, which containerd tells only the shim command and the task server passes on. */
export const RUNTIME_ANNOTATION = "io.kuasar.runtime";
