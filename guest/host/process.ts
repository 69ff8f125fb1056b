import { KuasarError } from "../../lib/errors/mod.ts";
import { Status } from "../../lib/proto/gen/containerd/task/v3/task.ts";
import type { Timestamp } from "../../lib/proto/gen/google/protobuf/timestamp.ts";
import * as sys from "../native/sys.js";
import type { DescriptorKeeper } from "./descriptor_keeper.ts";
import { Stdio, type StdioPaths } from "./stdio.ts";

/** How a process ended. */
export interface Exit {
  status: number;
  at: Timestamp;
}

/** The time now, for exits that no guest has told. */
export function now(): Timestamp {
  const ns = sys.clockGettime(sys.CLOCK.REALTIME);
  return { seconds: ns / 1_000_000_000n, nanos: Number(ns % 1_000_000_000n) };
}

/** Nanoseconds since 1970. */
export function nsOf({ seconds, nanos }: Timestamp): bigint {
  return seconds * 1_000_000_000n + BigInt(nanos);
}

/** What containerd is told about one process: the host's view of it. */
export class HostProcessState {
  readonly paths: StdioPaths;
  readonly stdio: Stdio;
  /** On the host; 0 where it is a guest's, or not there yet. */
  pid = 0;
  status: Status = Status.CREATED;
  exit: Exit | undefined;
  #waiters: ((exit: Exit) => void)[] = [];

  /** @param alone whether its container is in no pod */
  constructor(paths: StdioPaths, keeper?: DescriptorKeeper, alone = false) {
    this.paths = paths;
    this.stdio = new Stdio(keeper, alone);
  }

  /** The process has ended; everyone who waits is told. A second end is none. */
  ended(exit: Exit): void {
    if (this.exit) return;
    this.exit = exit;
    this.status = Status.STOPPED;
    for (const tell of this.#waiters.splice(0)) tell(exit);
  }

  /** The exit, at once where it has happened. */
  wait(): Promise<Exit> {
    if (this.exit) return Promise.resolve(this.exit);
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** @throws KuasarError NOT_FOUND when the process has ended: for containerd it is as good as killed */
  mustLive(what: string): void {
    if (this.exit) throw new KuasarError("NOT_FOUND", `Cannot ${what}: process already finished`);
  }
}
