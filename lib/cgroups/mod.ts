/** cgroups of pods, version 1 and 2. */
export { cgroupFolders, makeCgroup, removeCgroup, removeEmptyCgroup } from "./cgroup.ts";
export { hierarchies, type Hierarchy } from "./hierarchies.ts";
export { cgroupPath } from "./path.ts";
