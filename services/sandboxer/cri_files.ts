import type { PodFile } from "../../lib/proto/gen/grpc/sandbox.ts";

/** Below containerd's root: where its CRI plugin keeps what belongs to sandboxes. */
const CRI_SANDBOXES = "io.containerd.grpc.v1.cri/sandboxes";

/** Where the work directory of a sandbox lies below containerd's root. */
const WORK_DIR = /^(\/.+)\/io\.containerd\.runtime\.v2\.task\/[^/]+\/[^/]+$/;

/**
 * Where containerd's CRI plugin looks for a pod's files when the sandbox is a shim's: it binds them into the containers,
 * and makes directories in place of those that are missing.
 *
 * @param bundle of the sandbox; its link `work` leads below containerd's root
 * @param sandboxId checked
 * @returns empty where the bundle does not tell
 */
export function criDirOf(bundle: string, sandboxId: string): string {
  try {
    const root = WORK_DIR.exec(Deno.readLinkSync(`${bundle}/work`))?.[1];
    return root === undefined ? "" : `${root}/${CRI_SANDBOXES}/${sandboxId}`;
  } catch {
    return "";
  }
}

/** Writes the pod's files there. */
export function writeCriFiles(dir: string, files: readonly PodFile[]): void {
  Deno.mkdirSync(dir, { recursive: true, mode: 0o755 });
  for (const { name, content } of files) Deno.writeFileSync(`${dir}/${name}`, content, { mode: 0o644 });
}

/** Removes them, which containerd does only for sandboxes of its own making. Idempotent. */
export function removeCriFiles(dir: string): void {
  try {
    Deno.removeSync(dir, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
