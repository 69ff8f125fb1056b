import { parseFlat, parseNumber, readMetricsV1 } from "../../lib/cgroup_metrics/mod.ts";
import { formatDuration, KuasarError } from "../../lib/errors/mod.ts";
import type { Resources } from "../../lib/oci/mod.ts";
import { Metrics } from "../../lib/proto/gen/cgroups/v1.ts";
import type { Any } from "../../lib/proto/gen/google/protobuf/any.ts";
import * as sys from "../native/sys.js";
import { sleep } from "../runtime/deadline.ts";
import { log } from "../runtime/log.ts";
import type { Cgroup } from "./cgroup.ts";
import {
  pidsBelow,
  readCgroupFile,
  removeCgroupFolder,
  updateCgroupFile,
  writeCgroupFile,
} from "./cgroup_files.ts";
import type { CgroupFolders, Controller } from "./cgroup_folders.ts";
import { cgroupWritesV1 } from "./resources_v1.ts";

const METRICS = "io.containerd.cgroups.v1.Metrics";

/** The freezer of version 1 tells nobody when it is done. */
const FREEZE_STEP_MS = 2;
const FREEZE_TIMEOUT_MS = 10_000;

/** A process that forks while the others are killed is met in the next round. */
const KILL_ROUNDS = 16;

/** The cgroup (v1) of one container: a folder in each hierarchy. */
export class CgroupV1 implements Cgroup {
  readonly #folders: CgroupFolders;
  readonly #all: () => readonly string[];
  #oomKills = 0n;
  #oomEvent = -1;

  /** @param all tells its folders, also in hierarchies of which nothing is read */
  constructor(folders: CgroupFolders, all: () => readonly string[]) {
    this.#folders = folders;
    this.#all = all;
  }

  #path(controller: Controller, name: string): string {
    const folder = this.#folders[controller];
    return folder === undefined ? "" : `${folder}/${name}`;
  }

  #read(controller: Controller, name: string): string {
    return readCgroupFile(this.#path(controller, name));
  }

  metrics(): Any {
    const metrics = readMetricsV1((controller, name) => this.#read(controller, name));
    return { typeUrl: METRICS, value: Metrics.encode(metrics).finish() };
  }

  /** Every hierarchy has the same processes. */
  get #any(): string {
    const { pids, memory, freezer, cpu } = this.#folders;
    return pids ?? memory ?? freezer ?? cpu ?? "";
  }

  pids(): number[] {
    return pidsBelow(this.#any);
  }

  /** Frozen meanwhile, so that none can fork away; a signal that kills goes through. */
  killAll(): void {
    let pids = this.pids();
    if (pids.length === 0) return;
    this.#setFrozen(true);
    try {
      for (let round = 0; pids.length > 0 && round < KILL_ROUNDS; round++) {
        for (const pid of pids) {
          try {
            sys.kill(pid, sys.SIG.KILL);
          } catch {
            // It has ended between the list and the signal.
          }
        }
        const killed = new Set(pids);
        pids = this.pids().filter((pid) => !killed.has(pid));
      }
    } finally {
      this.#setFrozen(false);
    }
  }

  #setFrozen(frozen: boolean): void {
    try {
      writeCgroupFile(this.#path("freezer", "freezer.state"), frozen ? "FROZEN" : "THAWED");
    } catch {
      // Without a freezer, or gone.
    }
  }

  isFrozen(): boolean {
    return this.#read("freezer", "freezer.state").trim() !== "THAWED" && this.#folders.freezer !== undefined;
  }

  async freeze(frozen: boolean): Promise<void> {
    const wanted = frozen ? "FROZEN" : "THAWED";
    const file = this.#path("freezer", "freezer.state");
    if (file === "") {
      throw new KuasarError("FAILED_PRECONDITION", "Cannot pause: this host has no cgroup freezer mounted");
    }
    for (const end = sys.nowMs() + FREEZE_TIMEOUT_MS;;) {
      // Written again and again: it gives up on a process that forks just then.
      writeCgroupFile(file, wanted);
      if (readCgroupFile(file).trim() === wanted) return;
      if (sys.nowMs() > end) break;
      await sleep(FREEZE_STEP_MS);
    }
    if (frozen) writeCgroupFile(file, "THAWED");
    throw new KuasarError(
      "DEADLINE_EXCEEDED",
      `Cannot ${frozen ? "pause" : "resume"}: the container's state is not ${wanted} after ${
        formatDuration(FREEZE_TIMEOUT_MS)
      }`,
    );
  }

  update(resources: Resources): void {
    const current = parseNumber(this.#read("memory", "memory.limit_in_bytes"));
    for (const { controller, file, value } of cgroupWritesV1(resources, current)) {
      updateCgroupFile(this.#path(controller, file) || file, value);
    }
  }

  watchOom(onOom: () => void): void {
    const control = this.#path("memory", "memory.oom_control");
    let event = -1;
    try {
      event = sys.eventfd();
      const watched = sys.open(control, sys.O.RDONLY);
      try {
        // By their numbers in this process (memory.rst, 10. OOM Control).
        writeCgroupFile(this.#path("memory", "cgroup.event_control"), `${event} ${watched}`);
      } finally {
        sys.close(watched);
      }
    } catch (error) {
      if (event >= 0) sys.close(event);
      return log.warn("cannot watch for a want of memory", { file: control, error });
    }
    this.#oomEvent = event;
    const scratch = new Uint8Array(8);
    sys.watch(event, sys.EPOLL.IN, () => {
      sys.read(event, scratch);
      this.checkOom(onOom);
      // It also tells of the end of the cgroup, and goes on doing so.
      if (readCgroupFile(control) === "") this.close();
    });
  }

  checkOom(onOom: () => void): void {
    const kills = this.#countKills();
    if (kills <= this.#oomKills) return;
    this.#oomKills = kills;
    onOom();
  }

  #countKills(): bigint {
    return parseFlat(this.#read("memory", "memory.oom_control")).get("oom_kill") ?? 0n;
  }

  close(): void {
    if (this.#oomEvent >= 0) sys.close(this.#oomEvent);
    this.#oomEvent = -1;
  }

  remove(): void {
    for (const folder of this.#all()) removeCgroupFolder(folder);
  }
}
