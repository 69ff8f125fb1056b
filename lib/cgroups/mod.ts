/** cgroups of pods, version 1 and 2. */
export { childCgroups, killCgroup, processesIn, removeCgroupTree } from "./tree.ts";
export { cgroupFolders, makeCgroup, removeCgroup, removeEmptyCgroup } from "./cgroup.ts";
export { allHierarchies, hierarchies, type Hierarchy } from "./hierarchies.ts";
export { type CgroupLimits, cgroupLimits, setCgroupLimits } from "./limits.ts";
export { type MemoryKills, memoryKills, type MemoryLimit } from "./memory_kills.ts";
export { cgroupPath } from "./path.ts";
export { passGracePeriod } from "./grace_period.ts";
