import { KuasarError } from "../../../lib/errors/mod.ts";

/** Of a stdio string that names a stream instead of a FIFO: `<address of the task server>?streaming_id=<name>`. */
const QUERY = "?streaming_id=";

/** A stream's name is a file's too; containerd ends it with what it is. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,199}-(stdin|stdout|stderr)$/;

/** The name of the stream that a stdio string of containerd's asks for; undefined where it is a path. @throws KuasarError INVALID_ARGUMENT */
export function streamNameIn(stdio: string): string | undefined {
  const at = stdio.lastIndexOf(QUERY);
  return at < 0 || stdio.startsWith("/") ? undefined : checkStreamName(stdio.slice(at + QUERY.length));
}

/** The stdio string of a stream of the server at `address`. */
export function stdioOf(address: string, name: string): string {
  return `${address}${QUERY}${name}`;
}

/** @throws KuasarError INVALID_ARGUMENT */
export function checkStreamName(name: string): string {
  if (NAME.test(name)) return name;
  throw new KuasarError(
    "INVALID_ARGUMENT",
    `Cannot use ${
      JSON.stringify(name.slice(0, 80))
    } for a stream: an id with -stdin, -stdout or -stderr behind it is wanted`,
  );
}

/** Whether a stream goes from containerd to the process. */
export function isInput(name: string): boolean {
  return name.endsWith("-stdin");
}
