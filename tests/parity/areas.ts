import type { Area } from "./case.ts";
import { files } from "./files.ts";
import { limits } from "./limits.ts";
import { mounts } from "./mounts.ts";
import { network } from "./network.ts";
import { posix } from "./posix.ts";
import { processes } from "./processes.ts";
import { signals } from "./signals.ts";
import { users } from "./users.ts";
import { volumes } from "./volumes.ts";

export const AREAS: readonly Area[] = [
  files,
  network,
  processes,
  signals,
  limits,
  users,
  mounts,
  volumes,
  posix,
];
