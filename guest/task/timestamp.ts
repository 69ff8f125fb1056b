import type { Timestamp } from "../../lib/proto/gen/google/protobuf/timestamp.ts";
import type { Exit } from "./process.ts";

const NS_PER_S = 1_000_000_000n;

/** When a process has ended, on the wire; undefined while it has not. */
export function timestampOf(exit: Exit | undefined): Timestamp | undefined {
  if (!exit) return undefined;
  return { seconds: exit.atNs / NS_PER_S, nanos: Number(exit.atNs % NS_PER_S) };
}
