import { parseFlat, readMetrics } from "../../lib/cgroup_metrics/mod.ts";
import type { Resources } from "../../lib/oci/mod.ts";
import { Metrics } from "../../lib/proto/gen/cgroups/v2.ts";
import type { Any } from "../../lib/proto/gen/google/protobuf/any.ts";
import { within } from "../runtime/deadline.ts";
import { log } from "../runtime/log.ts";
import type { Cgroup } from "./cgroup.ts";
import {
  pidsBelow,
  readCgroupFile,
  removeCgroupFolder,
  updateCgroupFile,
  writeCgroupFile,
} from "./cgroup_files.ts";
import { cgroupWrites } from "./resources_v2.ts";
import { type FileWatch, watchFile } from "./watch_file.ts";

const METRICS = "io.containerd.cgroups.v2.Metrics";
/** A process in the middle of a system call of the host's share may take its time to freeze. */
const FREEZE_TIMEOUT_MS = 10_000;

/** The cgroup (v2) of one container. */
export class CgroupV2 implements Cgroup {
  readonly #path: string;
  #oomKills = 0n;
  #events: FileWatch | undefined;

  /** @param path its folder */
  constructor(path: string) {
    this.#path = path;
  }

  #read(name: string): string {
    return readCgroupFile(`${this.#path}/${name}`);
  }

  #write(name: string, value: string): void {
    writeCgroupFile(`${this.#path}/${name}`, value);
  }

  metrics(): Any {
    return { typeUrl: METRICS, value: Metrics.encode(readMetrics((name) => this.#read(name))).finish() };
  }

  pids(): number[] {
    return pidsBelow(this.#path);
  }

  /** At once, by the kernel. */
  killAll(): void {
    try {
      this.#write("cgroup.kill", "1");
    } catch {
      // The cgroup is gone, and with it its processes.
    }
  }

  isFrozen(): boolean {
    return parseFlat(this.#read("cgroup.events")).get("frozen") === 1n;
  }

  async freeze(frozen: boolean): Promise<void> {
    const wanted = frozen ? 1n : 0n;
    const isSo = (text: string) => {
      const events = parseFlat(text);
      return events.get("frozen") === wanted || events.get("populated") === 0n;
    };
    let watch: FileWatch | undefined;
    const done = new Promise<void>((resolve) => {
      watch = watchFile(`${this.#path}/cgroup.events`, (text) => {
        if (isSo(text)) resolve();
      });
      this.#write("cgroup.freeze", frozen ? "1" : "0");
    });
    try {
      await within(FREEZE_TIMEOUT_MS, frozen ? "pause" : "resume", done);
    } finally {
      watch?.close();
    }
  }

  update(resources: Resources): void {
    for (const { file, value } of cgroupWrites(resources)) updateCgroupFile(`${this.#path}/${file}`, value);
  }

  watchOom(onOom: () => void): void {
    try {
      this.#events = watchFile(`${this.#path}/memory.events`, (text) => this.#countOomKills(text, onOom));
    } catch (error) {
      log.warn("cannot watch for a want of memory", { cgroup: this.#path, error });
    }
  }

  checkOom(onOom: () => void): void {
    this.#countOomKills(this.#read("memory.events"), onOom);
  }

  #countOomKills(text: string, onOom: () => void): void {
    const kills = parseFlat(text).get("oom_kill") ?? 0n;
    if (kills <= this.#oomKills) return;
    this.#oomKills = kills;
    onOom();
  }

  close(): void {
    this.#events?.close();
    this.#events = undefined;
  }

  remove(): void {
    removeCgroupFolder(this.#path);
  }
}
