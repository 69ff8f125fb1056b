/** Where services and task server are unless `KUASAR_RUN_DIR` in containerd's environment says otherwise. */
const RUN_DIR = "/run/kuasar";

/** The task server's socket. */
export function taskSocket(getenv: (name: string) => string | null): string {
  return `${getenv("KUASAR_RUN_DIR") || RUN_DIR}/task.sock`;
}
