import { capture } from "../lib/build/mod.ts";
import type { Entry } from "./entry.ts";
import { writeTree } from "./write_tree.ts";

/** A VMM maps an image as persistent memory in pieces of this many bytes. */
export const IMAGE_ALIGNMENT = 2 * 1024 * 1024;

/** Any fixed one: a random UUID would change the image with every build. */
const IMAGE_UUID = "6b756173-6172-4b75-a173-61726b756173";

/**
 * Writes an erofs image of the entries; the same entries give the same bytes.
 *
 * Uncompressed: the host's page cache holds one copy for all guests, and none of them spends time on unpacking. Its size is a multiple of {@link IMAGE_ALIGNMENT}, so that it may also be persistent memory.
 *
 * @param mkfs path of mkfs.erofs
 * @param work a directory for the tree, which must not exist yet
 * @throws KuasarError with what mkfs.erofs says
 */
export async function writeErofs(
  mkfs: string,
  entries: readonly Entry[],
  work: string,
  image: string,
): Promise<void> {
  await writeTree(entries, work);
  const fixed = ["-T", "0", "--all-root", "-U", IMAGE_UUID, "--quiet"];
  await capture(mkfs, [...fixed, image, work]);
  const { size } = await Deno.stat(image);
  await Deno.truncate(image, Math.ceil(size / IMAGE_ALIGNMENT) * IMAGE_ALIGNMENT);
}
