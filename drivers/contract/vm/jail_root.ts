import { exists } from "../../../lib/files/mod.ts";
import type { JailRoot, Shown } from "../../../lib/process/mod.ts";

/** What a VMM or a helper sees of the host, besides its program and the libraries of that. */
export interface View {
  /** As long as it runs. */
  always: readonly Shown[];
  /** Until it has started: what it opens then, and never again. */
  atStart: readonly Shown[];
  /** The folder in which it starts. */
  cwd?: string;
}

/** Devices that programs take for granted: QEMU learns at the first disk, on one of them, how files are locked. */
const HARMLESS_DEVICES = ["/dev/null", "/dev/urandom"];

/** Things that are there, as a program may see them. */
export function shown(access: Shown["access"], paths: readonly string[]): Shown[] {
  return paths.filter((path) => path !== "" && exists(path)).map((path) => ({ path, access }));
}

/** The root of a program with this view. */
export function jailRoot({ always, atStart, cwd }: View, program: readonly Shown[]): JailRoot {
  return {
    ...(cwd !== undefined && { cwd }),
    shows: [...shown("device", HARMLESS_DEVICES), ...always],
    untilSealed: [...program, ...atStart],
  };
}
