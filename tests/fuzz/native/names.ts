/** What the native program tries, by name; those of targets.ts cannot be loaded here, they are part of the agent. */
import { PORTABLE_TARGETS } from "../targets/portable.ts";

export const NATIVE_ONLY = [
  "text",
  "buffers",
  "relay",
  "gate",
  "handshake",
  "keeper",
  "keeper-stat",
  "greeter",
] as const;
export const NATIVE_NAMES: readonly string[] = [...NATIVE_ONLY, ...PORTABLE_TARGETS.map(({ name }) => name)];
