import * as sys from "../native/sys.js";
import type { ShareType } from "./kernel_parameters.ts";

/** Where the directory that the host shares is seen. */
export const SHARE_PATH = "/run/kuasar/state";
/** Name of the device, Kuasar's. */
const TAG = "kuasar";
/**
 * Large messages, since with the default of 8 KiB big files crawl; and a cache for mappings, without which programs cannot
 * map a file shared and writable.
 */
const NINE_P_OPTIONS = "trans=virtio,version=9p2000.L,msize=512000,cache=mmap";

/**
 * Mounts the host's share.
 *
 * Kuasar's virtiofs options have `sync,dirsync` too. Ours do not: the host sees every write at once without them, and with
 * them each write would wait for an fsync on the host.
 *
 * @throws SysError ENODEV or EINVAL when the host has no such device
 */
export function mountShare(type: ShareType): void {
  sys.mkdirAll(SHARE_PATH);
  if (type === "none") return;
  const flags = sys.MS.NODEV | sys.MS.RELATIME;
  sys.mount(TAG, SHARE_PATH, type, flags, type === "9p" ? NINE_P_OPTIONS : "");
}
