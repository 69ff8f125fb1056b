/** What a WebAssembly file holds: a core module, or a component of the component model. */
export type ModuleFormat = "module" | "component";

/** Bytes of a file that {@link moduleFormat} needs. */
export const HEAD_LENGTH = 8;

/**
 * Recognises WebAssembly by its preamble: `\0asm`, then version and layer (module: 1 and 0; component: 13 and 1).
 *
 * @param head the first bytes of a file
 * @returns undefined for anything else, a text (`.wat`) among it
 * @see https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md
 */
export function moduleFormat(head: Uint8Array): ModuleFormat | undefined {
  if (
    head.length < HEAD_LENGTH || head[0] !== 0 || head[1] !== 0x61 || head[2] !== 0x73 || head[3] !== 0x6d
  ) {
    return undefined;
  }
  const [version, layer] = [head[4]! | head[5]! << 8, head[6]! | head[7]! << 8];
  if (layer === 0 && version === 1) return "module";
  return layer === 1 ? "component" : undefined;
}
