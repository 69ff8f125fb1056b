import { KuasarError } from "../errors/mod.ts";

const encoder = new TextEncoder();

/** Bytes on a plain, fixed ArrayBuffer: what FFI takes. */
export type Bytes = Uint8Array<ArrayBuffer>;

/**
 * `text` as a C string.
 *
 * @throws {KuasarError} INVALID_ARGUMENT when it holds a NUL, which would cut it short
 */
export function cString(text: string): Bytes {
  if (text.includes("\0")) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot pass ${JSON.stringify(text)} to the kernel: it holds a NUL`,
    );
  }
  return encoder.encode(text + "\0");
}

/**
 * The address of a buffer as a number, for structs that hold pointers. The caller keeps the buffer alive until
 * the call is over.
 */
export function addressOf(bytes: Bytes): bigint {
  // Reading `buffer` moves the content of a small array out of the JavaScript heap, where it could wander.
  void bytes.buffer;
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
}
