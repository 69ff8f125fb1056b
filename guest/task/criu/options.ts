import { KuasarError } from "../../../lib/errors/mod.ts";
import { CheckpointOptions } from "../../../lib/proto/gen/containerd/runc/v1/options.ts";
import type { Any } from "../../../lib/proto/gen/google/protobuf/any.ts";

const OPTIONS = "containerd.runc.v1.CheckpointOptions";
const CGROUP_MODES = ["", "soft", "full", "strict", "ignore"];

/** How a container is checkpointed: containerd's options, or none of them. @throws KuasarError INVALID_ARGUMENT */
export function checkpointOptions(options: Any | undefined): CheckpointOptions {
  if (!options || options.typeUrl === "") return CheckpointOptions.decode(new Uint8Array());
  if (options.typeUrl !== OPTIONS) {
    throw refused(`its options are ${options.typeUrl.slice(0, 80)}, and must be ${OPTIONS}`);
  }
  const decoded = CheckpointOptions.decode(options.value);
  if (!CGROUP_MODES.includes(decoded.cgroupsMode)) {
    throw refused(
      `cgroups_mode is ${JSON.stringify(decoded.cgroupsMode)}, must be soft, full, strict or ignore`,
    );
  }
  const other = decoded.emptyNamespaces.find((name) => name !== "network");
  if (other === undefined) return decoded;
  throw refused(`empty_namespaces has ${JSON.stringify(other)}, of which only network can be left out`);
}

function refused(reason: string): KuasarError {
  return new KuasarError("INVALID_ARGUMENT", `Cannot checkpoint: ${reason}`);
}

/** What must be said again when the checkpoint is restored. */
export interface SharedOptions {
  openTcp: boolean;
  externalUnixSockets: boolean;
  terminal: boolean;
  fileLocks: boolean;
  emptyNetwork: boolean;
}

/** The part of the options that a restore needs too. */
export function sharedOptions(options: CheckpointOptions): SharedOptions {
  const { openTcp, externalUnixSockets, terminal, fileLocks } = options;
  return {
    openTcp,
    externalUnixSockets,
    terminal,
    fileLocks,
    emptyNetwork: options.emptyNamespaces.includes("network"),
  };
}

/** Flags of runc's `checkpoint` and `restore`; crun has the same ones. */
export function sharedFlags(options: SharedOptions): string[] {
  return [
    ...(options.openTcp ? ["--tcp-established"] : []),
    ...(options.externalUnixSockets ? ["--ext-unix-sk"] : []),
    ...(options.terminal ? ["--shell-job"] : []),
    ...(options.fileLocks ? ["--file-locks"] : []),
    ...(options.emptyNetwork ? ["--empty-ns", "network"] : []),
  ];
}
