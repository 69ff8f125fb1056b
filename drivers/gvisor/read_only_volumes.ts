import { bindMount, openPath, RESOLVE } from "../../lib/mounts/mod.ts";
import type { Mount } from "../../lib/oci/mod.ts";

/**
 * Has the host itself enforce that read-only volumes are: each is bind-mounted read-only below `directory`, and that is what
 * gVisor gets. With direct access to files its kernel (20240729) refuses to open a file of such a volume for writing, but only
 * after it has truncated it (`echo x > /volume/file`).
 *
 * @param directory of the container; what is mounted below it goes with it
 * @returns the mounts with their sources replaced
 */
export function enforceReadOnly(mounts: readonly Mount[], directory: string): Mount[] {
  return mounts.map((mount, i) => {
    if (!isReadOnlyBind(mount)) return mount;
    using source = openPath(mount.source!, RESOLVE.noMagicLinks);
    const target = `${directory}/read-only/${i}`;
    if (Deno.statSync(mount.source!).isDirectory) {
      Deno.mkdirSync(target, { recursive: true });
    } else {
      Deno.mkdirSync(`${directory}/read-only`, { recursive: true });
      Deno.writeTextFileSync(target, "");
    }
    const recursive = mount.options?.includes("rbind") ?? false;
    bindMount(source, target, { recursive, readOnly: true, recursiveReadOnly: recursive }, mount.source);
    return { ...mount, source: target };
  });
}

function isReadOnlyBind({ type, source, options = [] }: Mount): boolean {
  const bind = type === "bind" || options.includes("bind") || options.includes("rbind");
  return bind && source !== undefined && options.some((option) => option === "ro" || option === "rro");
}
