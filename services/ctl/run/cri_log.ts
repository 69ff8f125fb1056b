import { KuasarError } from "../../../lib/errors/mod.ts";

/** Output as the container wrote it. */
export interface Piece {
  stream: "stdout" | "stderr";
  bytes: Uint8Array;
}

const NEWLINE = 0x0a, SPACE = 0x20;

/**
 * Reads the log that a CRI runtime writes of a container, however it is cut: each line is
 * `<RFC 3339 time> <stdout|stderr> <P|F> <bytes>`, where P stands for a line that goes on in the next one or has no end.
 *
 * @see https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md
 */
export class CriLog {
  #rest = new Uint8Array();

  /** The output in `bytes` and what was left of those before. @throws KuasarError INVALID_ARGUMENT */
  push(bytes: Uint8Array): Piece[] {
    const all = new Uint8Array(this.#rest.length + bytes.length);
    all.set(this.#rest);
    all.set(bytes, this.#rest.length);
    const pieces: Piece[] = [];
    let from = 0;
    for (let to = all.indexOf(NEWLINE); to >= 0; to = all.indexOf(NEWLINE, from)) {
      pieces.push(pieceOf(all.subarray(from, to + 1)));
      from = to + 1;
    }
    this.#rest = all.slice(from);
    return pieces;
  }
}

/** @param line with its newline */
function pieceOf(line: Uint8Array): Piece {
  const afterTime = line.indexOf(SPACE) + 1;
  const afterStream = line.indexOf(SPACE, afterTime) + 1;
  const afterTag = line.indexOf(SPACE, afterStream) + 1;
  const word = (from: number, to: number) => new TextDecoder().decode(line.subarray(from, to - 1));
  const stream = word(afterTime, afterStream);
  const tag = word(afterStream, afterTag);
  if (afterTag === 0 || stream !== "stdout" && stream !== "stderr") {
    throw new KuasarError("INVALID_ARGUMENT", "Cannot read the container's log: a line is none of the CRI's");
  }
  // More tags may follow behind a colon.
  const whole = tag.split(":")[0] === "F";
  return { stream, bytes: line.subarray(afterTag, whole ? line.length : line.length - 1) };
}
