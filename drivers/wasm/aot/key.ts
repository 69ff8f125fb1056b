import { createHash } from "node:crypto";

/** All that decides what the compiled form of a module is. */
export interface AotInputs {
  /** sha256 of the module, in hex. */
  digest: string;
  /** `WasmEdge 0.14.1`: another version cannot use it. */
  engine: string;
  /** What the compiler is told. */
  options: readonly string[];
  /** What the processor can do, see {@link cpuFeatures}. */
  cpu: string;
}

/** The name of a compiled module: the same inputs have the same name, and no others. */
export function aotKey({ digest, engine, options, cpu }: AotInputs): string {
  return createHash("sha256").update(JSON.stringify([digest, engine, options, cpu])).digest("hex");
}

/**
 * What a compiler that aims at this processor depends on, from /proc/cpuinfo: architecture and features. Frequencies and
 * the number of processors play no part.
 */
export function cpuFeatures(cpuinfo: string, arch: string = Deno.build.arch): string {
  const field = (name: string) => new RegExp(`^${name}\\s*: (.*)$`, "m").exec(cpuinfo)?.[1] ?? "";
  const features = (field("flags") || field("Features")).split(" ").filter(Boolean).sort();
  return [arch, field("cpu family"), field("model"), field("CPU part"), ...features].join(" ");
}
