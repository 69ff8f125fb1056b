import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { VERSION } from "../version.ts";
import { runtimeName } from "./runtime_name.ts";

/** Fields of `containerd.types.RuntimeInfo` and `RuntimeVersion`. */
const INFO = { name: 1, version: 2 };
const RUNTIME_VERSION = { version: 1 };
const LENGTH_DELIMITED = 2;

function tag(writer: BinaryWriter, field: number): BinaryWriter {
  return writer.uint32((field << 3) | LENGTH_DELIMITED);
}

/** An encoded `containerd.types.RuntimeInfo`. */
export function runtimeInfo(program: string): Uint8Array {
  const writer = new BinaryWriter();
  tag(writer, INFO.name).string(runtimeName(program));
  tag(writer, INFO.version).fork();
  tag(writer, RUNTIME_VERSION.version).string(VERSION);
  return writer.join().finish();
}
