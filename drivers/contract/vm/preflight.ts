import { KuasarError } from "../../../lib/errors/mod.ts";
import type { SelfCheckProblem } from "../../../lib/service/mod.ts";

/** A file that a start needs. */
export interface Requirement {
  /** As a message names it: `the guest kernel (kernel_path)`. */
  what: string;
  /** Empty where the configuration names none. */
  path: string;
  /** How to get it. */
  remedy: string;
  /** The file's size must be a multiple of so many MiB. */
  alignmentMib?: number;
}

const MIB = 1024 * 1024;

/** How to get a guest image or initrd. */
export const IMAGE_REMEDY = "build it with `deno task setup` or `just image`";
/** How to get a guest kernel. */
export const KERNEL_REMEDY = "build it with `deno task setup` or `just kernel`";

/**
 * Checks that every file that a start needs is there, so that what is missing is told by its name and not by the
 * failure of some later step.
 *
 * @throws {KuasarError} FAILED_PRECONDITION
 */
export async function preflight(requirements: readonly Requirement[]): Promise<void> {
  const problems = await problemsWith(requirements);
  if (problems.length > 0) {
    const texts = problems.map(({ what, problem, remedy }) => `${what} ${problem} (${remedy})`);
    throw new KuasarError("FAILED_PRECONDITION", `Cannot start a sandbox: ${texts.join("; ")}`);
  }
}

/** Those of the requirements that are not met. */
export async function problemsWith(requirements: readonly Requirement[]): Promise<SelfCheckProblem[]> {
  const problems: SelfCheckProblem[] = [];
  for (const { what, path, remedy, alignmentMib } of requirements) {
    const problem = await problemWith(path, alignmentMib);
    if (problem) problems.push({ what, problem, remedy });
  }
  return problems;
}

async function problemWith(path: string, alignmentMib = 0): Promise<string | undefined> {
  if (!path) return "is not configured";
  try {
    // Never connect to look: virtiofsd serves a single connection.
    const { size } = await Deno.stat(path);
    if (alignmentMib === 0 || size % (alignmentMib * MIB) === 0) return undefined;
    return `cannot be used: ${path} has ${size} bytes, no multiple of ${alignmentMib} MiB`;
  } catch (error) {
    return error instanceof Deno.errors.NotFound
      ? `is missing: ${path} does not exist`
      : `cannot be read: ${(error as Error).message}`;
  }
}
