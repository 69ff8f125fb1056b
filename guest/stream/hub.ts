import { KuasarError } from "../../lib/errors/mod.ts";
import { SHARE_PATH } from "../init/share.ts";
import * as sys from "../native/sys.js";
import { connectLoopback } from "../runtime/connect.ts";
import { within } from "../runtime/deadline.ts";
import { FdStream } from "../runtime/fd_stream.ts";
import { log } from "../runtime/log.ts";
import { tunnel } from "../runtime/tunnel.ts";
import type { Endpoint } from "./endpoint.ts";
import {
  type FileHeader,
  MAX_HEADER_BYTES,
  parseHeader,
  type StreamHeader,
  type StreamName,
} from "./header.ts";

/** How long a connection may take to say what it is for. */
const HEADER_TIMEOUT_MS = 5_000;
/** The end of a file that is sent; a kubelet reads 4096 bytes. */
const MAX_RETURNED_BYTES = 16 << 10;
/** A container that has written more into such a file is read so far. */
const MAX_READ_BYTES = 16 << 20;
/** How long a port of a container may take to answer; the host waits longer. */
const CONNECT_TIMEOUT_MS = 3_000;

function key(header: StreamHeader): string {
  return `${header.container}/${header.exec}/${header.name}`;
}

/** Where the stdio streams of all processes are looked up by the connections of the host. */
export class StreamHub {
  readonly #endpoints = new Map<string, Endpoint>();

  /** Makes a stream known. */
  add(container: string, exec: string, name: StreamName, endpoint: Endpoint): void {
    this.#endpoints.set(key({ container, exec, name }), endpoint);
  }

  /** End of file for a process's stdin; harmless where it has none. */
  closeStdin(container: string, exec: string): void {
    this.#endpoints.get(key({ container, exec, name: "stdin" }))?.finish();
  }

  /** Closes and forgets the streams of a process. */
  remove(container: string, exec: string): void {
    for (const name of ["stdin", "stdout", "stderr"] as const) {
      const id = key({ container, exec, name });
      this.#endpoints.get(id)?.close();
      this.#endpoints.delete(id);
    }
  }

  /** Takes a connection of the host: reads its header, answers, joins it with its stream. Never rejects. */
  async serve(connection: number): Promise<void> {
    try {
      const line = await within(HEADER_TIMEOUT_MS, "read a stream's header", readLine(connection));
      const header = parseHeader(line);
      if ("port" in header) return await forward(connection, header.port);
      if ("volume" in header) return await sendFile(connection, header);
      const endpoint = this.#endpoints.get(key(header));
      if (!endpoint) throw new KuasarError("NOT_FOUND", `Cannot open stream ${key(header)}: there is none`);
      sys.write(connection, sys.utf8Encode("OK\n"));
      endpoint.attach(connection);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log.debug("stream refused", { reason });
      try {
        sys.write(connection, sys.utf8Encode(`ERR ${reason.replace(/\s+/g, " ").slice(0, 200)}\n`));
      } catch {
        // The peer is gone already.
      }
      sys.close(connection);
    }
  }
}

/** Joins a connection of the host with a port of the pod's: `localhost` of its containers, which have this machine's network. */
async function forward(connection: number, port: number): Promise<void> {
  const server = await connectLoopback(port, CONNECT_TIMEOUT_MS);
  sys.write(connection, sys.utf8Encode("OK\n"));
  tunnel(connection, server);
}

/**
 * Sends the end of a volume of one file, as much as is read of it on the host. It is a mount point of the container's, so that no
 * container can put anything else in its place.
 */
async function sendFile(connection: number, { container, volume }: FileHeader): Promise<void> {
  const bytes = endOf(`${SHARE_PATH}/${container}/volumes/${volume}`);
  sys.write(connection, sys.utf8Encode("OK\n"));
  const stream = new FdStream(connection);
  try {
    await within(HEADER_TIMEOUT_MS, "send a file", stream.write(bytes));
  } finally {
    stream.close();
  }
}

/** @throws KuasarError NOT_FOUND where it is no file; SysError */
function endOf(path: string): Uint8Array {
  const fd = sys.open(path, sys.O.RDONLY | sys.O.NOFOLLOW | sys.O.NONBLOCK);
  try {
    const { type } = sys.fstat(fd);
    if (type !== "file") throw new KuasarError("NOT_FOUND", `Cannot read ${path}: it is a ${type}`);
    const chunk = new Uint8Array(MAX_RETURNED_BYTES);
    let end = new Uint8Array();
    for (let read = 0; read < MAX_READ_BYTES;) {
      const count = sys.read(fd, chunk);
      if (count <= 0) break;
      read += count;
      const joined = new Uint8Array(end.length + count);
      joined.set(end);
      joined.set(chunk.subarray(0, count), end.length);
      end = joined.slice(-MAX_RETURNED_BYTES);
    }
    return end;
  } finally {
    sys.close(fd);
  }
}

/** Reads up to a newline, byte by byte: what comes behind belongs to the stream. */
async function readLine(fd: number): Promise<string> {
  const line = new Uint8Array(MAX_HEADER_BYTES);
  for (let length = 0; length < line.length;) {
    const count = sys.read(fd, line, length, 1);
    if (count === 0) {
      throw new KuasarError("INVALID_ARGUMENT", "Cannot open a stream: it ended before its header did");
    }
    if (count < 0) {
      await new Promise<void>((resolve) => sys.watch(fd, sys.EPOLL.IN, () => resolve()));
      sys.unwatch(fd);
    } else if (line[length] === 0x0a) {
      return sys.utf8Decode(line.subarray(0, length));
    } else {
      length += 1;
    }
  }
  throw new KuasarError(
    "INVALID_ARGUMENT",
    `Cannot open a stream: its header is longer than ${MAX_HEADER_BYTES} bytes`,
  );
}
