import { isAtLeast } from "../../lib/process/mod.ts";
import type { ConfigVersion } from "../containerd/mod.ts";
import { type HostContainerd, imports } from "../host/containerd.ts";

/** What is written for containerd, and what is said about it. */
export interface DropInPlan {
  /** Of the drop-in; undefined where none may be there. */
  version: ConfigVersion | undefined;
  /** What is left to do, or must be known; one line or more each. */
  notes: string[];
}

/** The oldest containerd that knows sandboxers. */
export const MIN_CONTAINERD = "2.0";

/**
 * Decides what becomes of our drop-in, which containerd reads together with its own configuration.
 *
 * An older containerd does not start with it. One that reads it as the newer of two versions drops the CRI section of the
 * other: the node's cgroup driver, registries and other runtimes (docs/containerd.md).
 *
 * @param file where the drop-in is put
 */
export function planDropIn(found: HostContainerd | undefined, file: string): DropInPlan {
  if (found === undefined) {
    return {
      version: 3,
      notes: [`containerd is not installed: ${MIN_CONTAINERD} or newer is needed, which imports ${file}`],
    };
  }
  const { version, configFile, configVersion } = found;
  if (version !== undefined && !isAtLeast(version, MIN_CONTAINERD)) {
    return {
      version: undefined,
      notes: [
        `${found.program} is ${version}, which does not start with ${file}: it was not written.\n` +
        `Without the Sandbox API pods and containers run by our shim programs (docs/shim.md);\n` +
        `after an upgrade of containerd to ${MIN_CONTAINERD} or newer, install again`,
      ],
    };
  }
  const notes = imports(found, file) ? [`${configFile} imports ${file} already`] : [
    configVersion === undefined
      ? `${configFile} is to be made, with the lines  version = 3  and  imports = ["${file}"]`
      : `${configFile} needs the line  imports = ["${file}"]  or the file added to the one that is there`,
  ];
  if (configVersion === undefined || configVersion >= 3) return { version: 3, notes };
  return {
    version: 2,
    notes: [
      ...notes,
      `${configFile} has version ${configVersion}, and so the drop-in has version 2: containerd reads both as the newer\n` +
      `of the two, and drops what an older one says of CRI. After  containerd config migrate  install again`,
    ],
  };
}
