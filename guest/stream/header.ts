import { KuasarError } from "../../lib/errors/mod.ts";
import { checkId } from "../../lib/oci/mod.ts";

/** The streams of a process. */
export const STREAM_NAMES = ["stdin", "stdout", "stderr"] as const;
export type StreamName = (typeof STREAM_NAMES)[number];

/** Which stream a connection is for. */
export interface StreamHeader {
  container: string;
  /** Empty for the container's init. */
  exec: string;
  name: StreamName;
}

/** No header is longer, with its newline. */
export const MAX_HEADER_BYTES = 512;

/**
 * Reads `STREAM <container> <exec or -> <stdin|stdout|stderr>`, without the newline.
 *
 * @throws KuasarError INVALID_ARGUMENT
 */
export function parseHeader(line: string): StreamHeader {
  const [verb, container, exec, name, ...rest] = line.split(" ");
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
