import { KuasarError } from "../errors/mod.ts";
import { Errno, mount } from "../libc/mod.ts";
import { mountFlags } from "./options.ts";

/** What mount(2) takes as data: one page, the NUL at its end included. */
const MAX_DATA_BYTES = 4095;

/** An overlay ready for mount(2). */
export interface OverlayMount {
  flags: number;
  data: string;
  /** Directory that relative lower directories start from. */
  cwd: string | undefined;
}

/**
 * Turns the options of an overlay into the arguments of mount(2). Where many layers make them longer than a page,
 * the lower directories become relative to the directory that all have in common.
 *
 * @param always bits of `MS` besides those that the options ask for
 * @throws RESOURCE_EXHAUSTED where even that is too long
 */
export function overlayMount(options: readonly string[], always = 0): OverlayMount {
  const { flags, data } = mountFlags(options, always);
  if (byteLength(data.join(",")) <= MAX_DATA_BYTES) return { flags, data: data.join(","), cwd: undefined };
  const at = data.findIndex((option) => option.startsWith("lowerdir="));
  // A colon in a path is escaped by a backslash.
  const layers = at < 0 ? [] : data[at]!.slice("lowerdir=".length).split(/(?<!\\):/);
  const cwd = commonDirectory(layers);
  data[at] = "lowerdir=" + layers.map((layer) => layer.slice(cwd.length)).join(":");
  const short = data.join(",");
  if (at < 0 || byteLength(short) > MAX_DATA_BYTES) {
    throw new KuasarError(
      "RESOURCE_EXHAUSTED",
      `Cannot mount the overlay of ${layers.length} layers: its options have ${byteLength(short)} bytes, ` +
        `the kernel takes ${MAX_DATA_BYTES}`,
    );
  }
  return { flags, data: short, cwd };
}

/**
 * Mounts an overlay. Synchronous, as it may change the working directory meanwhile.
 *
 * @param name the target as an error shows it
 * @param always bits of `MS` besides those that the options ask for
 * @throws KuasarError with the options as evidence
 */
export function mountOverlay(
  options: readonly string[],
  target: string,
  name = target,
  always = 0,
): void {
  const { flags, data, cwd } = overlayMount(options, always);
  const before = cwd === undefined ? undefined : Deno.cwd();
  if (cwd !== undefined) Deno.chdir(cwd);
  try {
    mount({ source: "overlay", target, type: "overlay", flags, data });
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    // The kernel's log says more, but is not ours to read.
    throw new KuasarError(error.code, `Cannot mount the overlay at ${name}: ${error.errnoName}`, {
      cause: error,
      evidence: options,
    });
  } finally {
    if (before !== undefined) Deno.chdir(before);
  }
}

/** The longest directory, with its slash at the end, that all these absolute paths begin with. */
function commonDirectory(paths: readonly string[]): string {
  const [first = "/", ...others] = paths;
  let length = first.length;
  for (const path of others) {
    let same = 0;
    while (same < length && path[same] === first[same]) same++;
    length = same;
  }
  return first.slice(0, first.slice(0, length).lastIndexOf("/") + 1);
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
