import { type CallLog, type ConnectionState, encodeHeader, FRAME_TYPE } from "../../lib/ttrpc/mod.ts";
import * as sys from "../native/sys.js";
import { log } from "../runtime/log.ts";
import { readTranscript } from "./read_transcript.ts";

/** A longer file is written anew, with what is still open. */
const MAX_FILE_BYTES = 64 << 10;
/** Room that each file has from the beginning: a disk that fills up later takes nothing from it. */
const RESERVED_BYTES = 16 << 10;
/** Between two tries to begin anew where there was no room. */
const RETRY_MS = 1_000;
/** Of a file that is read: the above and the longest message. */
const MAX_READ_BYTES = 8 << 20;

const NOTHING = new Uint8Array(0);

/**
 * The open calls of one connection, in a file that a killed server leaves to the next one.
 *
 * It is only a help: nothing here throws. Where there is no room for it, it is given up, which is said once, and made
 * again with a later call when there is some. A server that dies in between loses the connection.
 */
export class CallTranscript implements CallLog {
  readonly #path: string;
  readonly #open: Map<number, Uint8Array>;
  #lastStreamId: number;
  #fd = -1;
  #size = 0;
  /** When it was tried last to write the file, where there is none. */
  #triedMs = 0;
  #removed = false;

  /** @param state of an earlier server's connection */
  constructor(path: string, state?: ConnectionState) {
    this.#path = path;
    this.#open = new Map(state?.open.map(({ streamId, body }) => [streamId, body]));
    this.#lastStreamId = state?.lastStreamId ?? 0;
    this.#attempt(() => this.#rewrite());
  }

  /** What a file says; undefined where it cannot be read. */
  static load(path: string): ConnectionState | undefined {
    try {
      return readTranscript(sys.readFile(path, MAX_READ_BYTES));
    } catch {
      return undefined;
    }
  }

  begin(streamId: number, body: Uint8Array): void {
    this.#lastStreamId = Math.max(this.#lastStreamId, streamId);
    this.#open.set(streamId, body);
    this.#note(streamId, FRAME_TYPE.request, body);
  }

  end(streamId: number): void {
    if (this.#open.delete(streamId)) this.#note(streamId, FRAME_TYPE.response, NOTHING);
  }

  /** The connection is over. */
  remove(): void {
    this.#removed = true;
    this.#drop();
  }

  #note(streamId: number, type: number, body: Uint8Array): void {
    if (this.#removed) return;
    if (this.#fd < 0) return this.#again();
    this.#attempt(() => {
      try {
        this.#append(frameOf(streamId, type, body));
      } catch {
        // Perhaps only for want of room, of which it needs less when it is written anew.
        return this.#rewrite();
      }
      if (this.#size > MAX_FILE_BYTES) this.#rewrite();
    });
  }

  #again(): void {
    if (sys.nowMs() - this.#triedMs < RETRY_MS) return;
    this.#triedMs = sys.nowMs();
    try {
      this.#rewrite();
      log.info("the calls of a connection are noted again", { file: this.#path });
    } catch {
      // Said when it was given up.
    }
  }

  #attempt(write: () => void): void {
    try {
      write();
    } catch (error) {
      log.error("cannot note the calls of a connection, it would be lost with this server", {
        file: this.#path,
        error,
      });
      this.#triedMs = sys.nowMs();
      this.#drop();
    }
  }

  /** A file that does not tell everything must not be found by anybody. */
  #drop(): void {
    if (this.#fd >= 0) sys.close(this.#fd);
    this.#fd = -1;
    if (sys.exists(this.#path)) sys.unlink(this.#path);
  }

  #append(bytes: Uint8Array): void {
    const written = sys.write(this.#fd, bytes);
    this.#size += written;
    if (written !== bytes.length) throw new Error("the file system took a part only");
  }

  /** Writes the file anew, with what is still open. */
  #rewrite(): void {
    const bytes = joined([
      frameOf(this.#lastStreamId, FRAME_TYPE.response, NOTHING),
      ...[...this.#open].map(([streamId, body]) => frameOf(streamId, FRAME_TYPE.request, body)),
    ]);
    try {
      this.#replace(bytes);
    } catch (error) {
      if (this.#fd < 0 && !sys.exists(this.#path)) throw error;
      this.#overwrite(bytes);
    }
  }

  /** The file is whole at every moment. */
  #replace(bytes: Uint8Array): void {
    const path = `${this.#path}.new`;
    const before = { fd: this.#fd, size: this.#size };
    this.#fd = sys.open(path, sys.O.WRONLY | sys.O.CREAT | sys.O.TRUNC | sys.O.APPEND, 0o600);
    this.#size = 0;
    try {
      reserve(this.#fd);
      this.#append(bytes);
      sys.rename(path, this.#path);
    } catch (error) {
      sys.close(this.#fd);
      sys.unlink(path);
      this.#fd = before.fd;
      this.#size = before.size;
      throw error;
    }
    if (before.fd >= 0) sys.close(before.fd);
  }

  /** Where there is no room for a second file: in that of the first, and whole but for a moment. */
  #overwrite(bytes: Uint8Array): void {
    if (this.#fd < 0) this.#fd = sys.open(this.#path, sys.O.WRONLY | sys.O.APPEND);
    sys.truncate(this.#fd, 0);
    this.#size = 0;
    this.#append(bytes);
    try {
      reserve(this.#fd);
    } catch {
      // It is whole now; what comes next may have no room.
    }
  }
}

/** Not every file system can; without it the file is as good as any other. */
function reserve(fd: number): void {
  try {
    sys.reserve(fd, RESERVED_BYTES);
  } catch (error) {
    if ((error as sys.SysError).code !== "EOPNOTSUPP") throw error;
  }
}

function frameOf(streamId: number, type: number, body: Uint8Array): Uint8Array {
  return joined([encodeHeader(body.length, streamId, type, 0), body]);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
