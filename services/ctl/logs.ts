import { watchPath } from "../../lib/files/mod.ts";
import { KuasarError } from "../../lib/errors/mod.ts";
import { withAdmin } from "./admin.ts";
import { type Command, onlyPositional } from "./command.ts";

/** The end of a file is read in pieces of this size. */
const PIECE_BYTES = 64 << 10;

/**
 * Where the last `lines` lines of a file begin.
 *
 * @param read returns the bytes of the file from `from` to `to`
 */
export async function tailOffset(
  size: number,
  lines: number,
  read: (from: number, to: number) => Promise<Uint8Array>,
): Promise<number> {
  let found = 0;
  for (let to = size; to > 0; to -= PIECE_BYTES) {
    const from = Math.max(0, to - PIECE_BYTES);
    const bytes = await read(from, to);
    for (let i = bytes.length - 1; i >= 0; i--) {
      // The newline that ends the file does not begin a line.
      if (bytes[i] !== 0x0a || from + i === size - 1) continue;
      if (++found === lines) return from + i + 1;
    }
  }
  return 0;
}

async function copy(file: Deno.FsFile, from: number): Promise<number> {
  await file.seek(from, Deno.SeekMode.Start);
  const buffer = new Uint8Array(PIECE_BYTES);
  let at = from;
  for (let n = await file.read(buffer); n !== null; n = await file.read(buffer)) {
    await Deno.stdout.write(buffer.subarray(0, n));
    at += n;
  }
  return at;
}

/** `kuasar-ctl logs`. */
export const logs: Command = {
  name: "logs",
  usage: "logs ID [--tail N] [--follow]",
  summary: "the guest's console",
  flags: {
    "tail": { kind: "integer", placeholder: "N", help: "Only the last N lines" },
    "follow": { kind: "boolean", help: "Go on until Ctrl-C" },
  },
  examples: [
    { command: "kuasar-ctl logs 3fa9 --tail 50", does: "The end of it" },
    { command: "kuasar-ctl logs 3fa9 --follow", does: "As it grows" },
  ],
  async run(input) {
    const id = onlyPositional(input, "sandbox id");
    const { consolePath } = await withAdmin(input.runDir, (admin, options) => admin.inspect({ id }, options));
    if (!consolePath) throw new KuasarError("NOT_FOUND", `Cannot show a console: sandbox ${id} has none`);
    using file = await Deno.open(consolePath);
    const { size } = await file.stat();
    const { tail, follow } = input.flags;
    const from = typeof tail !== "number"
      ? 0
      : await tailOffset(size, Math.max(tail, 1), async (from, to) => {
        await file.seek(from, Deno.SeekMode.Start);
        const bytes = new Uint8Array(to - from);
        const n = await file.read(bytes) ?? 0;
        return bytes.subarray(0, n);
      });
    let at = await copy(file, from);
    if (follow !== true) return 0;
    for await (const _ of watchPath(consolePath)) {
      const { nlink, size } = await file.stat();
      if (nlink === 0) break;
      // A console that was cut to keep it small begins again.
      if (size < at) at = 0;
      at = await copy(file, at);
    }
    return 0;
  },
};
