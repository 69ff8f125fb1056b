import type { SandboxPaths } from "../contract/sandbox_paths.ts";

/** Files behind the drives of a VM. */
export interface DrivePaths {
  /** A file of no bytes, behind every place that has no disk. */
  empty: string;
  /**
   * Symbolic links to disks, each named after its serial: the VMM tells which path is behind a drive, so that it knows by
   * itself which disk is where.
   */
  disks: string;
}

/** The files behind the drives of a VM, below its directory. */
export function drivePaths({ dir }: SandboxPaths): DrivePaths {
  return { empty: `${dir}/empty`, disks: `${dir}/disks` };
}
