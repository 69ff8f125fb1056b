import { buildDir } from "../lib/build/mod.ts";
import type { ContainerdPrograms } from "./containerd/mod.ts";
import { hostTools } from "./host/mod.ts";

/** What a node runs. All paths are absolute. */
export interface NodePrograms extends ContainerdPrograms {
  virtiofsd: string;
}

/** The programs that `deno task setup` puts into the build folder. */
export function nodePrograms(): NodePrograms {
  const { containerd, ctr, runc, virtiofsd, cniBinDir } = hostTools();
  return {
    containerd,
    ctr,
    cniBinDir,
    agent: Deno.env.get("KUASAR_AGENT") ?? `${buildDir}/guest/agent`,
    virtiofsd,
    path: [runc.slice(0, runc.lastIndexOf("/"))],
  };
}
