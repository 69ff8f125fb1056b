import { buildDir } from "../lib/build/mod.ts";
import type { ContainerdPrograms } from "./containerd/mod.ts";
import { type HostTools, hostTools } from "./host/mod.ts";

/** What a node runs. All paths are absolute. */
export interface NodePrograms extends ContainerdPrograms {
  taskServer: string;
  virtiofsd: string;
  /** Programs of the host, for the drivers. */
  tools: HostTools;
  /** The guest's kernel as ELF with a PVH entry: nothing to decompress. */
  kernel: string;
  /** The same as bzImage, for VMMs that do not take the other. */
  bzImage: string;
  initrd: string;
  /** The guest's disk image. */
  image: string;
}

/** The programs that `deno task setup` puts into the build folder. */
export function nodePrograms(): NodePrograms {
  const tools = hostTools();
  const { containerd, ctr, runc, virtiofsd, cniBinDir } = tools;
  return {
    containerd,
    ctr,
    cniBinDir,
    agent: `${buildDir}/guest/agent`,
    taskServer: `${buildDir}/guest/kuasar-task`,
    virtiofsd,
    tools,
    kernel: `${buildDir}/kernel/vmlinux.bin`,
    bzImage: `${buildDir}/kernel/vmlinuz`,
    initrd: `${buildDir}/image/kuasar.initrd`,
    image: `${buildDir}/image/kuasar.img`,
    path: [runc.slice(0, runc.lastIndexOf("/"))],
  };
}
