import { KuasarError } from "../../../lib/errors/mod.ts";

/**
 * Checks the serial of a disk. It is part of ids in the VMM and of the guest's `/sys/block/<disk>/serial`, which
 * holds 20 bytes.
 *
 * @throws {KuasarError} INVALID_ARGUMENT
 */
export function checkSerial(serial: string): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,19}$/.test(serial)) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot use the disk serial ${
        JSON.stringify(serial.slice(0, 40))
      }: it must be 1 to 20 letters, digits, '_', '.' or '-'`,
    );
  }
}

/**
 * What kind of disk a path on the host is.
 *
 * @throws {KuasarError} INVALID_ARGUMENT for a path that is no disk
 */
export async function blockFileKind(path: string): Promise<"file" | "device"> {
  let info: Deno.FileInfo;
  try {
    if (!path.startsWith("/")) throw new Error("the path is not absolute");
    info = await Deno.stat(path);
  } catch (cause) {
    throw new KuasarError("INVALID_ARGUMENT", `Cannot plug in ${path}: ${(cause as Error).message}`, {
      cause,
    });
  }
  if (info.isFile) return "file";
  if (info.isBlockDevice) return "device";
  throw new KuasarError(
    "INVALID_ARGUMENT",
    `Cannot plug in ${path}: it is neither a file nor a block device`,
  );
}
