/** The engines that can run modules. */
import type { Engine } from "./engine.ts";
import { wasmEdge } from "./wasmedge.ts";
import { wasmtime } from "./wasmtime.ts";

export { type Engine, type EngineBuild, type EngineRun, type Preopen } from "./engine.ts";
export { OPTIMIZE_LEVELS, type OptimizeLevel } from "./engine.ts";

/** Names of engines, the default one first. */
export const ENGINE_NAMES = ["wasmedge", "wasmtime"] as const;
/** One of {@link ENGINE_NAMES}. */
export type EngineName = (typeof ENGINE_NAMES)[number];

/** Engines by name. */
export const ENGINES: Readonly<Record<EngineName, Engine>> = { wasmedge: wasmEdge, wasmtime };
