import { deepStrictEqual, throws } from "node:assert/strict";
import { CheckpointOptions } from "../../../lib/proto/gen/containerd/runc/v1/options.ts";
import { checkpointOptions, sharedFlags, sharedOptions } from "./options.ts";

const NONE = CheckpointOptions.decode(new Uint8Array());

function any(change: Partial<CheckpointOptions>, typeUrl = "containerd.runc.v1.CheckpointOptions") {
  return {
    typeUrl,
    value: CheckpointOptions.encode({ ...NONE, ...change }).finish() as Uint8Array<ArrayBuffer>,
  };
}

Deno.test("without options a container goes on and nothing special is taken along", () => {
  const options = checkpointOptions(undefined);
  deepStrictEqual(options, NONE);
  deepStrictEqual(sharedFlags(sharedOptions(options)), []);
});

Deno.test("every option has its flag, for the dump and for the restore", () => {
  const options = checkpointOptions(any({
    openTcp: true,
    externalUnixSockets: true,
    terminal: true,
    fileLocks: true,
    emptyNamespaces: ["network"],
  }));
  deepStrictEqual(sharedFlags(sharedOptions(options)), [
    "--tcp-established",
    "--ext-unix-sk",
    "--shell-job",
    "--file-locks",
    "--empty-ns",
    "network",
  ]);
});

Deno.test("what cannot be done is refused", () => {
  throws(() => checkpointOptions(any({}, "example.com/Options")), /its options are example\.com/);
  throws(() => checkpointOptions(any({ cgroupsMode: "odd" })), /cgroups_mode is "odd"/);
  throws(() => checkpointOptions(any({ emptyNamespaces: ["pid"] })), /empty_namespaces has "pid"/);
});
