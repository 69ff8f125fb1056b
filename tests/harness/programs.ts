import type { ContainerdPrograms } from "../../deploy/containerd/mod.ts";
import { root } from "../root.ts";

/** What a node of the tests runs. All paths are absolute. */
export interface Programs extends ContainerdPrograms {
  virtiofsd: string;
}

/**
 * The programs of the checkout's `build` folder.
 *
 * `KUASAR_TEST_HOST` names another folder with the unpacked host packages.
 */
export function programs(): Programs {
  const host = Deno.env.get("KUASAR_TEST_HOST") ?? `${root}/build/host`;
  return {
    containerd: `${host}/usr/bin/containerd`,
    ctr: `${host}/usr/bin/ctr`,
    cniBinDir: `${host}/usr/lib/cni`,
    agent: Deno.env.get("KUASAR_TEST_AGENT") ?? `${root}/build/guest/agent`,
    virtiofsd: `${host}/usr/lib/qemu/virtiofsd`,
    path: [`${host}/usr/sbin`],
  };
}
