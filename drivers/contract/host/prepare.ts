import { KuasarError } from "../../../lib/errors/mod.ts";
import { unmountBelow } from "../../../lib/mounts/mod.ts";
import { MAX_SPEC_LENGTH, parseSpec, type Spec, stringifySpec } from "../../../lib/oci/mod.ts";
import type { PrepareContainerRequest } from "../../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import type { HostRuntime } from "../../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import type { SandboxHost } from "./host.ts";
import { checkMountPoints } from "./mount_points.ts";
import { containerPaths } from "./paths.ts";
import { mountRootfs } from "./rootfs.ts";
import type { Sandbox } from "./sandbox.ts";
import { rewriteSpec } from "./spec.ts";

/**
 * Makes a container's root file system and bundle ready and tells how it is run. May be repeated; what an earlier attempt has
 * left is replaced, and what this one has made when it throws is for {@link releaseContainer}.
 */
export async function prepareContainer(
  host: SandboxHost,
  sandbox: Sandbox,
  { containerId, bundle, rootfs: mounts }: PrepareContainerRequest,
): Promise<HostRuntime> {
  const { kind } = host;
  const paths = containerPaths(sandbox.paths, containerId);
  const before = readSpec(bundle);
  releaseContainer(host, sandbox, containerId);
  Deno.mkdirSync(paths.rootfs, { recursive: true, mode: 0o755 });
  const rootfs = mounts.length > 0 ? paths.rootfs : ownRootfs(before, bundle);
  mountRootfs(mounts, paths.rootfs);
  const { record: record, paths: podPaths } = sandbox;
  const { ownPidNamespaces } = kind;
  const context = { sandbox: record, paths: podPaths, containerId, rootfs, ownPidNamespaces };
  const spec = rewriteSpec(before, context);
  checkMountPoints(spec.mounts ?? []);
  const container = { containerId, sandbox: record, sandboxPaths: podPaths, paths, bundle, spec, rootfs };
  const choice = await kind.runtime(container);
  Deno.writeTextFileSync(paths.config, stringifySpec(container.spec), { mode: 0o600 });
  return {
    execRefusal: "",
    taskSocket: "",
    timeLimitMs: 0,
    privateMounts: [],
    defaultSignals: false,
    criu: "",
    restoreImage: "",
    bundle: paths.dir,
    cgroup: record.cgroup === ""
      ? container.spec.linux?.cgroupsPath ?? ""
      : `${record.cgroup}/${containerId}`,
    ...choice,
  };
}

/** Takes a container's mounts and files away. Idempotent. @throws KuasarError FAILED_PRECONDITION for a mount that stays */
export function releaseContainer({ kind }: SandboxHost, sandbox: Sandbox, containerId: string): void {
  const paths = containerPaths(sandbox.paths, containerId);
  const { dir } = paths;
  try {
    Deno.lstatSync(dir);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  kind.release?.(sandbox.record, paths);
  unmountBelow(dir);
  Deno.removeSync(dir, { recursive: true });
}

function readSpec(bundle: string): Spec {
  const path = `${bundle}/config.json`;
  let text: string;
  try {
    if (Deno.statSync(path).size > MAX_SPEC_LENGTH) throw new Error("it is too large");
    text = Deno.readTextFileSync(path);
  } catch (cause) {
    throw new KuasarError("INVALID_ARGUMENT", `Cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
  return parseSpec(text);
}

/** Without mounts the root file system is a directory of the caller's. */
function ownRootfs(spec: Spec, bundle: string): string {
  const path = spec.root?.path ?? "rootfs";
  return path.startsWith("/") ? path : `${bundle}/${path}`;
}
