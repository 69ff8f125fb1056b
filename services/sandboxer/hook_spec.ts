import { KuasarError } from "../../lib/errors/mod.ts";
import type { Spec } from "../../lib/oci/mod.ts";

/** A program that is run around a container's life (OCI runtime specification 1.2, `hooks`). */
export interface Hook {
  /** Absolute. */
  path: string;
  /** Without the program's name, which is the first of `args` in a spec. */
  args: string[];
  env: Record<string, string>;
  timeoutMs: number | undefined;
}

/** The kinds that are run on the host when a container's sandbox is made, in this order, and when it is gone. */
export const CREATE_HOOKS = ["prestart", "createRuntime"] as const;
export const STOP_HOOKS = ["poststop"] as const;

/**
 * Reads hooks of a spec.
 *
 * @throws KuasarError INVALID_ARGUMENT for one that is none
 */
export function hooksIn({ hooks }: Pick<Spec, "hooks">, kinds: readonly string[]): Hook[] {
  const all = (typeof hooks === "object" && hooks !== null ? hooks : {}) as Record<string, unknown>;
  return kinds.flatMap((kind) => {
    const list = all[kind] ?? [];
    if (!Array.isArray(list)) throw refusal(kind, "it must be a list");
    return list.map((hook) => hookOf(kind, hook));
  });
}

function hookOf(kind: string, value: unknown): Hook {
  const { path, args = [], env = [], timeout } = (value ?? {}) as Record<string, unknown>;
  if (typeof path !== "string" || !path.startsWith("/")) throw refusal(kind, "a path must be absolute");
  if (!isTexts(args) || !isTexts(env)) {
    throw refusal(kind, "arguments and environment must be lists of texts");
  }
  if (timeout !== undefined && timeout !== null && !(Number.isInteger(timeout) && Number(timeout) > 0)) {
    throw refusal(kind, "a timeout must be a number of seconds");
  }
  return {
    path,
    args: args.slice(1),
    env: Object.fromEntries(env.map((entry) => {
      const at = entry.indexOf("=");
      return at < 0 ? [entry, ""] : [entry.slice(0, at), entry.slice(at + 1)];
    })),
    timeoutMs: timeout ? Number(timeout) * 1000 : undefined,
  };
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === "string");
}

function refusal(kind: string, reason: string): KuasarError {
  return new KuasarError("INVALID_ARGUMENT", `Cannot run the hooks ${kind} of a container: ${reason}`);
}
