import { boolean, integer, table, text } from "../../../lib/config/mod.ts";

/** Keys of the table `[block]`: containers whose files reach the guest as disks. */
export const BLOCK_KEYS = table({
  mkfs_erofs: text({
    default: "/usr/bin/mkfs.erofs",
    help: "The program of erofs-utils that makes the disks",
  }),
  image_dir: text({
    default: "",
    help: "Where the disks are; empty keeps them in the run directory, which is memory",
  }),
  cache_mib: integer({
    default: 4096,
    min: 0,
    max: 16_777_216,
    help: "Root file systems that are kept for the next container of the same image",
  }),
  volume_mib: integer({
    default: 64,
    min: 1,
    max: 65_536,
    help: "The most that a container's volumes of files may have, which are copied",
  }),
  copy_writable: boolean({
    default: false,
    help: "Whether a directory that a container may write to is copied too; what it writes there is lost",
  }),
});
