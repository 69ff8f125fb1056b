import type { Target } from "../target.ts";
import { HOST_TARGETS } from "./host.ts";
import { PORTABLE_TARGETS } from "./portable.ts";
import { VMM_TARGETS } from "./vmm.ts";

/** What runs in Deno. */
export const DENO_TARGETS: readonly Target[] = [...PORTABLE_TARGETS, ...VMM_TARGETS, ...HOST_TARGETS];
