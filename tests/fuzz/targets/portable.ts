import type { Target } from "../target.ts";
import { FRAME_TARGETS } from "./frames.ts";
import { LINE_TARGETS } from "./lines.ts";
import { NETLINK_TARGETS } from "./netlink.ts";
import { SPEC_TARGETS } from "./specs.ts";

/** What runs in the agent's engine too: it is tried in both. */
export const PORTABLE_TARGETS: readonly Target[] = [
  ...FRAME_TARGETS,
  ...LINE_TARGETS,
  ...SPEC_TARGETS,
  ...NETLINK_TARGETS,
];
