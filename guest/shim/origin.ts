import * as sys from "../native/sys.js";

/** Below a bundle: what only the shim command is told, for the task server to read at Create. */
const ORIGIN_FILE = "kuasar.json";

const MAX_BYTES = 64 << 10;

/** What the shim command knows of a task. */
export interface Origin {
  /** `io.containerd.kuasar-vmm.v2` */
  runtime: string;
  /** The ttrpc socket of the containerd that has started it, for events; empty where it was not told. */
  events: string;
}

/** Writes it into a bundle. */
export function writeOrigin(bundle: string, origin: Origin): void {
  sys.writeFile(`${bundle}/${ORIGIN_FILE}`, JSON.stringify(origin), 0o600);
}

/** What a bundle holds of it; undefined where no shim command has been there. */
export function readOrigin(bundle: string): Origin | undefined {
  const path = `${bundle}/${ORIGIN_FILE}`;
  if (!sys.exists(path)) return undefined;
  const found = JSON.parse(sys.readTextFile(path, MAX_BYTES)) as Partial<Record<keyof Origin, unknown>>;
  const { runtime, events } = found;
  return {
    runtime: typeof runtime === "string" ? runtime : "",
    events: typeof events === "string" ? events : "",
  };
}
