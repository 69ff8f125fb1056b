/** A longer line is cut into pieces, so that a process without newlines cannot fill our memory. */
const MAX_LINE_BYTES = 16 << 10;

/** Calls `onLine` with every line of `stream`, without its newline; ends with the stream. */
export async function readLines(
  stream: AsyncIterable<Uint8Array>,
  onLine: (line: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) onLine(line);
    if (rest.length > MAX_LINE_BYTES) {
      onLine(rest);
      rest = "";
    }
  }
  if (rest) onLine(rest);
}

/** The colours of the prefixes, readable on dark and light terminals. */
const COLOURS = [36, 33, 35, 32, 34, 31];

/** Returns a printer of log lines with a prefix per process, coloured on a terminal. */
export function prefixer(
  names: readonly string[],
  terminal: boolean,
): (name: string, line: string) => string {
  const width = Math.max(...names.map((n) => n.length));
  return (name, line) => {
    const prefix = name.padEnd(width);
    const at = names.indexOf(name);
    return terminal
      ? `\x1b[${COLOURS[at % COLOURS.length]}m${prefix}\x1b[0m | ${line}`
      : `${prefix} | ${line}`;
  };
}
