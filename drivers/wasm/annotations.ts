import { KuasarError } from "../../lib/errors/mod.ts";

/** How an image says that it is Wasm: Docker's and runwasi's convention. */
const VARIANT = "module.wasm.image/variant";
/** crun's, which wins. */
const HANDLER = "run.oci.handler";

/** Variable of the environment, as Kuasar has it, and annotation: models to load before a module starts. */
export const NN_PRELOAD = "io.kuasar.wasm.nn_preload";
/** Milliseconds after which the container is killed. */
const TIME_LIMIT = "io.kuasar.wasm.time_limit_ms";

/** Annotations that containerd must hand on for this driver. */
export const PASSED_ANNOTATIONS = ["module.wasm.image/*", HANDLER, "io.kuasar.wasm.*"] as const;

/**
 * What annotations say of a container: `wasm` is a module whatever its name, `smart` is one where the name of its entry
 * says so, undefined leaves it to the file.
 */
export type Declared = "wasm" | "smart" | undefined;

type Annotations = Readonly<Record<string, string>>;

/** Those that an OCI runtime does not take for orders to itself: crun would run the engine as a module. */
export function withoutOrders(annotations: Annotations = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(annotations).filter(([name]) => name !== VARIANT && name !== HANDLER),
  );
}

const HANDLERS: ReadonlyMap<string, Declared> = new Map([["wasm", "wasm"], ["wasm-smart", "smart"]]);
const VARIANTS: ReadonlyMap<string, Declared> = new Map([["compat", "wasm"], ["compat-smart", "smart"]]);

/**
 * Reads what annotations say of the kind of a container.
 *
 * @throws {KuasarError} INVALID_ARGUMENT for a value that nobody knows
 */
export function declaredKind(annotations: Annotations = {}): Declared {
  return lookUp(annotations, HANDLER, HANDLERS) ?? lookUp(annotations, VARIANT, VARIANTS);
}

function lookUp(annotations: Annotations, name: string, values: ReadonlyMap<string, Declared>): Declared {
  const value = Object.hasOwn(annotations, name) ? annotations[name]! : undefined;
  if (value === undefined) return undefined;
  const found = values.get(value);
  if (found) return found;
  throw new KuasarError(
    "INVALID_ARGUMENT",
    `Cannot run the container: annotation ${name} must be one of ${[...values.keys()].join(", ")}, is ${
      JSON.stringify(value)
    }`,
  );
}

/**
 * The time limit of a container in ms: the annotation's, but no longer than the configured one. 0 is none.
 *
 * @throws {KuasarError} INVALID_ARGUMENT for an annotation that is no such number
 */
export function timeLimitMs(annotations: Annotations = {}, configuredMs: number): number {
  const text = Object.hasOwn(annotations, TIME_LIMIT) ? annotations[TIME_LIMIT]! : undefined;
  if (text === undefined) return configuredMs;
  const wanted = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (wanted < 1 || wanted > MAX_TIME_LIMIT_MS) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot run the container: annotation ${TIME_LIMIT} must be 1 to ${MAX_TIME_LIMIT_MS} milliseconds, is ${
        JSON.stringify(text)
      }`,
    );
  }
  return configuredMs === 0 ? wanted : Math.min(wanted, configuredMs);
}

/** What a timer can wait, some 24 days. */
export const MAX_TIME_LIMIT_MS = 2_147_483_647;
