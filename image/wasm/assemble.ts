import wabt from "wabt";

/** The test modules, each a file of this folder. */
export const MODULES = [
  "hello",
  "report",
  "exit",
  "echo",
  "ticker",
  "loop",
  "hog",
  "fib",
  "files",
  "http",
] as const;
/** The name of one of them. */
export type ModuleName = (typeof MODULES)[number];

/** Modules that import WasmEdge's sockets, which other engines refuse to link. */
const WITH_SOCKETS: readonly ModuleName[] = ["http"];

/** Where the prelude takes more imports: they must precede all else in a module. */
const SOCKETS_MARK = ";; sockets";

function source(name: string): Promise<string> {
  return Deno.readTextFile(new URL(`${name}.wat`, import.meta.url));
}

/**
 * Assembles a test module.
 *
 * @returns its binary form
 * @throws Error with the place in the text where it is wrong
 */
export async function assemble(name: ModuleName): Promise<Uint8Array<ArrayBuffer>> {
  const prelude = await source("prelude");
  const sockets = WITH_SOCKETS.includes(name) ? await source("sockets") : "";
  const text = `(module\n${prelude.replace(SOCKETS_MARK, sockets)}\n${await source(name)})`;
  const { parseWat } = await wabt();
  const module = parseWat(`${name}.wat`, text);
  try {
    return new Uint8Array(module.toBinary({}).buffer);
  } finally {
    module.destroy();
  }
}
