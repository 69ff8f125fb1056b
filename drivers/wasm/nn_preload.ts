import { KuasarError } from "../../lib/errors/mod.ts";
import { NN_PRELOAD } from "./annotations.ts";

/** A model that WASI-NN loads before a module starts. */
export interface NnPreload {
  /** The name by which the module asks for it. */
  alias: string;
  /** What runs it: `GGML`, `OpenVINO`, `PyTorch`. */
  backend: string;
  /** On what: `AUTO`, `CPU`, `GPU`. */
  target: string;
  /** Absolute path inside the container's root file system. */
  path: string;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;
/** More models than this make no sense in one container. */
const MAX_MODELS = 16;

/**
 * Reads `alias:backend:target:path`, several of them with commas between, as Kuasar has it
 * (`default:GGML:AUTO:model.gguf`).
 *
 * The path is one inside the container's root file system, with or without a slash in front.
 *
 * @throws {KuasarError} INVALID_ARGUMENT
 */
export function parseNnPreload(text: string): NnPreload[] {
  const models = text.split(",");
  if (models.length > MAX_MODELS) throw invalid(text, `at most ${MAX_MODELS} models can be loaded`);
  const found = models.map((model) => parseModel(model, text));
  const aliases = new Set(found.map(({ alias }) => alias));
  if (aliases.size < found.length) throw invalid(text, "an alias stands for two models");
  return found;
}

function parseModel(model: string, text: string): NnPreload {
  const fields = model.split(":");
  if (fields.length !== 4) throw invalid(text, "a model is alias:backend:target:path");
  const [alias, backend, target, path] = fields as [string, string, string, string];
  for (const [what, value] of Object.entries({ alias, backend, target })) {
    if (!NAME.test(value)) throw invalid(text, `the ${what} must be a name, is ${JSON.stringify(value)}`);
  }
  const steps = path.split("/").filter((step) => step !== "" && step !== ".");
  if (steps.length === 0 || steps.includes("..") || path.includes("\0")) {
    throw invalid(
      text,
      `the path must lead to a file in the container's root file system, is ${JSON.stringify(path)}`,
    );
  }
  return { alias, backend, target, path: `/${steps.join("/")}` };
}

function invalid(text: string, reason: string): KuasarError {
  return new KuasarError(
    "INVALID_ARGUMENT",
    `Cannot use ${NN_PRELOAD} = ${JSON.stringify(text.slice(0, 256))}: ${reason}`,
  );
}

/**
 * The models of a container: the annotation's, else those of the variable in its environment.
 *
 * @throws {KuasarError} INVALID_ARGUMENT
 */
export function nnPreloads(
  annotations: Readonly<Record<string, string>> = {},
  env: readonly string[] = [],
): NnPreload[] {
  const variable = env.findLast((entry) => entry.startsWith(`${NN_PRELOAD}=`));
  const text = Object.hasOwn(annotations, NN_PRELOAD)
    ? annotations[NN_PRELOAD]
    : variable?.slice(NN_PRELOAD.length + 1);
  return text ? parseNnPreload(text) : [];
}
