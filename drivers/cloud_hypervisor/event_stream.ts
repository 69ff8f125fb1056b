/** Something that Cloud Hypervisor tells of its VM. A hint: a slow reader loses events. */
export interface VmmEvent {
  /** `vmm`, `vm`, `virtio-device`, `guest`. */
  source: string;
  /** `booted`, `device-removed`, `panic`. */
  event: string;
  properties: Record<string, string>;
}

/** No event comes near this. */
const MAX_EVENT_CHARS = 64 * 1024;

/** Cuts the event monitor's output, pretty-printed JSON objects with an empty line behind each, into events. */
export class EventStream {
  #text = "";
  readonly #decoder = new TextDecoder();

  /** Takes bytes that have arrived and returns the events that are now complete; what is no event is left out. */
  push(chunk: Uint8Array): VmmEvent[] {
    this.#text += this.#decoder.decode(chunk, { stream: true });
    const parts = this.#text.split("\n\n");
    this.#text = parts.pop()!;
    // The rest of an event whose beginning was lost.
    if (this.#text.length > MAX_EVENT_CHARS) this.#text = "";
    return parts.map(parseEvent).filter((event) => event !== undefined);
  }
}

function parseEvent(text: string): VmmEvent | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { source, event, properties } = value as Record<string, unknown>;
  if (typeof source !== "string" || typeof event !== "string") return undefined;
  const pairs = typeof properties === "object" && properties !== null ? Object.entries(properties) : [];
  return { source, event, properties: Object.fromEntries(pairs.map(([key, text]) => [key, String(text)])) };
}
