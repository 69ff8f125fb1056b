/**
 * The globals that shared code expects and QuickJS lacks: text encoding, timers, console. Import it first.
 */
import * as sys from "../native/sys.js";

class Utf8Encoder {
  readonly encoding = "utf-8";
  encode(text = ""): Uint8Array {
    return sys.utf8Encode(text);
  }
}

/** Whole buffers only: streaming decoding is not needed in the agent. */
class Utf8Decoder {
  readonly encoding = "utf-8";
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;

  constructor(label = "utf-8", options: { fatal?: boolean; ignoreBOM?: boolean } = {}) {
    if (!/^utf-?8$/i.test(label)) throw new RangeError(`Cannot decode ${label}: only utf-8 is known`);
    this.fatal = options.fatal ?? false;
    this.ignoreBOM = options.ignoreBOM ?? false;
  }

  decode(input?: ArrayBuffer | ArrayBufferView, options: { stream?: boolean } = {}): string {
    if (options.stream) throw new TypeError("Cannot decode a stream: only whole buffers");
    if (input === undefined) return "";
    const bytes = input instanceof Uint8Array
      ? input
      : ArrayBuffer.isView(input)
      ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength)
      : new Uint8Array(input);
    const text = sys.utf8Decode(bytes, this.fatal);
    return !this.ignoreBOM && text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  }
}

const MAX_DELAY_MS = 0x7fff_ffff;
const intervals = new Map<number, number>();

function setTimeout(callback: (...args: unknown[]) => void, delayMs = 0, ...args: unknown[]): number {
  return sys.setTimer(() => callback(...args), Math.min(delayMs, MAX_DELAY_MS));
}

function clearTimer(id: number | undefined): void {
  if (typeof id !== "number") return;
  sys.clearTimer(intervals.get(id) ?? id);
  intervals.delete(id);
}

function setInterval(callback: (...args: unknown[]) => void, periodMs = 0, ...args: unknown[]): number {
  const again = () => {
    intervals.set(id, sys.setTimer(again, periodMs));
    callback(...args);
  };
  const id = sys.setTimer(again, periodMs);
  intervals.set(id, id);
  return id;
}

function show(value: unknown): string {
  if (typeof value === "string") return value;
  if (value instanceof Error) return `${value}\n${value.stack ?? ""}`.trimEnd();
  try {
    return JSON.stringify(value, (_, part) => (typeof part === "bigint" ? String(part) : part)) ??
      String(value);
  } catch {
    return String(value);
  }
}

// QuickJS 2025-04-26 gives -1n for asUintN(64, 2n ** 64n - 1n): its result is signed.
BigInt.asUintN = (bits, value) => value & ((1n << BigInt(bits)) - 1n);

const print = (...values: unknown[]) => sys.logWrite(`${values.map(show).join(" ")}\n`);

Object.assign(globalThis, {
  TextEncoder: Utf8Encoder,
  TextDecoder: Utf8Decoder,
  setTimeout,
  clearTimeout: clearTimer,
  setInterval,
  clearInterval: clearTimer,
  queueMicrotask: (callback: () => void) => {
    Promise.resolve().then(callback);
  },
  console: { log: print, info: print, debug: print, warn: print, error: print },
  performance: { now: sys.nowMs },
});
