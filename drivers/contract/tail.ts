/** How much of a log is looked at for its last lines. */
const MAX_BYTES = 16 * 1024;
const MAX_LINE_CHARS = 300;

// Terminal sequences (CSI, OSC, two-byte escapes) and what is left of control characters: a guest writes these
// lines and a person's terminal shows them.
// deno-lint-ignore no-control-regex
const SEQUENCES = /\x1b\[[0-?]*[ -\/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[0-~]?/g;
// deno-lint-ignore no-control-regex
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

/** The last non-empty lines of `bytes`, made safe to print. */
export function lastLines(bytes: Uint8Array, count: number): string[] {
  if (count <= 0) return [];
  const text = new TextDecoder().decode(bytes.subarray(Math.max(0, bytes.length - MAX_BYTES)));
  return text
    .replace(SEQUENCES, "")
    .split(/\r*\n|\r/)
    .map((line) => line.replace(CONTROLS, "").trimEnd().slice(0, MAX_LINE_CHARS))
    .filter((line) => line !== "")
    .slice(-count);
}

/** The last bytes of what a program writes, however much that is; as many as {@link lastLines} looks at. */
export async function lastBytesOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  let last: Uint8Array = new Uint8Array(0);
  for await (const chunk of stream) {
    const joined = new Uint8Array(last.length + chunk.length);
    joined.set(last);
    joined.set(chunk, last.length);
    last = joined.subarray(Math.max(0, joined.length - MAX_BYTES));
  }
  return last;
}

/** The last non-empty lines of a file; none where it does not exist. */
export async function tailFile(path: string, count: number): Promise<string[]> {
  return lastLines(await lastBytes(path), count);
}

async function lastBytes(path: string): Promise<Uint8Array> {
  try {
    using file = await Deno.open(path, { read: true });
    const { size } = await file.stat();
    await file.seek(Math.max(0, size - MAX_BYTES), Deno.SeekMode.Start);
    const buffer = new Uint8Array(MAX_BYTES);
    let length = 0;
    while (length < MAX_BYTES) {
      const count = await file.read(buffer.subarray(length));
      if (count === null) break;
      length += count;
    }
    return buffer.subarray(0, length);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Uint8Array();
    throw error;
  }
}
