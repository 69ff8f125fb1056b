import { buildDir } from "../lib/build/mod.ts";
import type { ContainerdPrograms } from "./containerd/mod.ts";
import { hostTools } from "./host/mod.ts";

/** What a node runs. All paths are absolute. */
export interface NodePrograms extends ContainerdPrograms {
  taskServer: string;
  virtiofsd: string;
  qemu: string;
  vhostDeviceVsock: string;
  kernel: string;
  initrd: string;
}

/** The programs that `deno task setup` puts into the build folder. */
export function nodePrograms(): NodePrograms {
  const { containerd, ctr, runc, virtiofsd, cniBinDir, qemu, vhostDeviceVsock } = hostTools();
  return {
    containerd,
    ctr,
    cniBinDir,
    agent: `${buildDir}/guest/agent`,
    taskServer: `${buildDir}/guest/kuasar-task`,
    virtiofsd,
    qemu,
    vhostDeviceVsock,
    kernel: `${buildDir}/kernel/vmlinuz`,
    initrd: `${buildDir}/image/kuasar.initrd`,
    path: [runc.slice(0, runc.lastIndexOf("/"))],
  };
}
