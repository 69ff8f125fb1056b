/**
 * The smallest components that are commands: wabt assembles modules alone, so these are put together byte by byte.
 *
 * @see https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md
 */

/** What WASI 0.2 calls the interface of a command. */
const RUN_INTERFACE = "wasi:cli/run@0.2.0";

/** Below 128 a LEB128 number is one byte. */
function count(value: number): number {
  if (value > 127) throw new Error(`Cannot encode ${value}: longer parts are not needed`);
  return value;
}

function name(text: string): number[] {
  const bytes = [...new TextEncoder().encode(text)];
  return [count(bytes.length), ...bytes];
}

function section(id: number, ...content: number[]): number[] {
  return [id, count(content.length), ...content];
}

/** A core module with a function `run` that returns a number. */
function coreModule(result: number): number[] {
  return [
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    // () -> i32; one function of that type; exported; its body: i32.const, end.
    ...section(1, 1, 0x60, 0, 1, 0x7f),
    ...section(3, 1, 0),
    ...section(7, 1, ...name("run"), 0, 0),
    ...section(10, 1, 4, 0, 0x41, result, 0x0b),
  ];
}

/** A component that runs well, or that fails, which its engine tells by the exit code 1. */
export function commandComponent(fails: boolean): Uint8Array<ArrayBuffer> {
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0],
    // The module, and an instance of it without arguments.
    ...section(1, ...coreModule(fails ? 1 : 0)),
    ...section(2, 1, 0, 0, 0),
    // `result`, and a function that returns it.
    ...section(7, 2, 0x6a, 0, 0, 0x40, 0, 0, 0),
    // The instance's core function `run`, lifted to that type.
    ...section(6, 1, 0, 0, 1, 0, ...name("run")),
    ...section(8, 1, 0, 0, 0, 0, 1),
    // An instance that exports it, which is the component's own export.
    ...section(5, 1, 1, 1, 0, ...name("run"), 1, 0),
    ...section(11, 1, 0, ...name(RUN_INTERFACE), 5, 0, 0),
  ]);
}
