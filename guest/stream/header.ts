import { KuasarError } from "../../lib/errors/mod.ts";
import { checkId } from "../../lib/oci/mod.ts";

/** The streams of a process. */
const STREAM_NAMES = ["stdin", "stdout", "stderr"] as const;
/** The name of one of them. */
export type StreamName = (typeof STREAM_NAMES)[number];

/** Which stream a connection is for. */
export interface StreamHeader {
  container: string;
  /** Empty for the container's init. */
  exec: string;
  name: StreamName;
}

/** A connection that goes on to a TCP port of this machine's loopback. */
export interface ForwardHeader {
  port: number;
}

/** A connection by which the host gets a container's copy of a volume of one file. */
export interface FileHeader {
  container: string;
  /** Number of the mount in the container's spec. */
  volume: number;
}

/** No header is longer, with its newline. */
export const MAX_HEADER_BYTES = 512;

/**
 * Reads `STREAM <container> <exec or -> <stdin|stdout|stderr>`, `FORWARD <port>`, or `FILE <container> <volume>`, without the newline.
 *
 * @throws KuasarError INVALID_ARGUMENT
 */
export function parseHeader(line: string): StreamHeader | ForwardHeader | FileHeader {
  const [verb, ...words] = line.split(" ");
  if (verb === "FORWARD") return parseForward(words);
  if (verb === "FILE") return parseFile(words);
  const [container, exec, name, ...rest] = words;
  const known = STREAM_NAMES.find((known) => known === name);
  if (
    verb !== "STREAM" || container === undefined || exec === undefined || known === undefined ||
    rest.length > 0
  ) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot open a stream: the header must be "STREAM <container> <exec or -> <stdin|stdout|stderr>"`,
    );
  }
  checkId(container, "container id");
  if (exec !== "-") checkId(exec, "exec id");
  return { container, exec: exec === "-" ? "" : exec, name: known };
}

function parseForward([port = "", ...rest]: string[]): ForwardHeader {
  const number = /^[1-9]\d{0,4}$/.test(port) && rest.length === 0 ? Number(port) : 0;
  if (number >= 1 && number <= 65535) return { port: number };
  throw new KuasarError("INVALID_ARGUMENT", `Cannot forward: the header must be "FORWARD <1 to 65535>"`);
}

function parseFile([container = "", volume = "", ...rest]: string[]): FileHeader {
  checkId(container, "container id");
  if (/^(0|[1-9]\d{0,3})$/.test(volume) && rest.length === 0) return { container, volume: Number(volume) };
  throw new KuasarError(
    "INVALID_ARGUMENT",
    `Cannot read a file: the header must be "FILE <container> <0 to 9999>"`,
  );
}
