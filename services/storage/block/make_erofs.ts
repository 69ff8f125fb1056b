import { formatDuration, KuasarError } from "../../../lib/errors/mod.ts";
import { killOnAbort } from "../../../lib/process/mod.ts";

/** 100 MiB take half a second; a slow disk with a large image takes minutes. */
const TIMEOUT_MS = 300_000;
const MAX_EVIDENCE = 8;

/**
 * Writes a directory with all that is mounted below it as a read-only disk. It appears under its name when it is
 * complete.
 *
 * Uncompressed: the guest reads it at the speed of memory, and the host's page cache holds one copy for all guests
 * of an image. Its own program does it, outside of this process, whose memory stays small whatever the image has.
 *
 * @param mkfs path of mkfs.erofs
 * @throws KuasarError FAILED_PRECONDITION without the program, RESOURCE_EXHAUSTED on a full disk, DEADLINE_EXCEEDED, INTERNAL
 */
export async function makeErofs(
  mkfs: string,
  directory: string,
  image: string,
  timeoutMs = TIMEOUT_MS,
): Promise<void> {
  const draft = `${image}.part`;
  const slow = AbortSignal.timeout(timeoutMs);
  try {
    const child = new Deno.Command(mkfs, {
      args: ["--quiet", draft, directory],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
      clearEnv: true,
    }).spawn();
    killOnAbort(child, slow);
    const { success, stderr } = await child.output();
    if (slow.aborted) {
      throw new KuasarError(
        "DEADLINE_EXCEEDED",
        `Cannot make a disk of ${directory}: ${mkfs} is not done after ${formatDuration(timeoutMs)}`,
      );
    }
    if (!success) throw failure(directory, new TextDecoder().decode(stderr));
    await toDisk(draft);
    await Deno.rename(draft, image);
  } catch (error) {
    await Deno.remove(draft).catch(() => {});
    if (error instanceof Deno.errors.NotFound) {
      throw new KuasarError(
        "FAILED_PRECONDITION",
        `Cannot make a disk: ${mkfs} is missing; install erofs-utils or set block.mkfs_erofs`,
        { cause: error },
      );
    }
    throw error;
  }
}

/** So that after a power failure a name never stands for half a disk; costs nothing in memory. */
async function toDisk(path: string): Promise<void> {
  using file = await Deno.open(path);
  await file.syncData();
}

function failure(directory: string, said: string): KuasarError {
  const lines = said.split("\n").filter((line) => line.trim() !== "");
  const full = /no space left/i.test(said);
  return new KuasarError(
    full ? "RESOURCE_EXHAUSTED" : "INTERNAL",
    `Cannot make a disk of ${directory}: ${
      full ? "no space is left in block.image_dir" : "mkfs.erofs failed"
    }`,
    { evidence: lines.slice(-MAX_EVIDENCE) },
  );
}
