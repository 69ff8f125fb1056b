import { KuasarError } from "../../lib/errors/mod.ts";
import type { Resources } from "../../lib/oci/mod.ts";
import type { Metrics } from "../../lib/proto/gen/cgroups/v2.ts";
import * as sys from "../native/sys.js";
import { within } from "../runtime/deadline.ts";
import { log } from "../runtime/log.ts";
import { cgroupWrites } from "./resources.ts";
import { parseFlat, readMetrics } from "./stats.ts";
import { type FileWatch, watchFile } from "./watch_file.ts";

const ROOT = "/sys/fs/cgroup";
/** A process in the middle of a system call of the host's share may take its time to freeze. */
const FREEZE_TIMEOUT_MS = 10_000;

/** The cgroup (v2) of one container. */
export class Cgroup {
  readonly #path: string;
  #oomKills = 0n;
  #events: FileWatch | undefined;

  /** @param cgroupsPath `linux.cgroupsPath` of the container's spec */
  constructor(cgroupsPath: string) {
    if (!/^\/[\w.@:/-]+$/.test(cgroupsPath) || cgroupsPath.includes("..")) {
      throw new KuasarError(
        "INVALID_ARGUMENT",
        `Cannot use cgroupsPath ${JSON.stringify(cgroupsPath)}: it must be an absolute path`,
      );
    }
    this.#path = ROOT + cgroupsPath;
  }

  /** Reads a file; empty where it is not there. */
  #read(name: string): string {
    try {
      return sys.readTextFile(`${this.#path}/${name}`, 256 << 10);
    } catch {
      return "";
    }
  }

  #write(name: string, value: string): void {
    sys.writeFile(`${this.#path}/${name}`, value, 0o644, sys.O.WRONLY);
  }

  metrics(): Metrics {
    return readMetrics((name) => this.#read(name));
  }

  /** Pids in the cgroup and those below it. */
  pids(): number[] {
    const below = (path: string): number[] => {
      const own = sys.readTextFile(`${path}/cgroup.procs`, 1 << 20).split("\n").filter(Boolean).map(Number);
      const children = sys.readdir(path).filter((entry) => entry.type === "dir");
      return [...own, ...children.flatMap((entry) => below(`${path}/${entry.name}`))];
    };
    try {
      return below(this.#path);
    } catch {
      return [];
    }
  }

  /** Kills every process at once; harmless where there is none. */
  killAll(): void {
    try {
      this.#write("cgroup.kill", "1");
    } catch {
      // The cgroup is gone, and with it its processes.
    }
  }

  /** Stops every process of the cgroup, or lets them go on; resolves when it is so. */
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

  /** @throws KuasarError INVALID_ARGUMENT naming the file that did not take its value */
  update(resources: Resources): void {
    for (const { file, value } of cgroupWrites(resources)) {
      try {
        this.#write(file, value);
      } catch (error) {
        // A controller that this kernel does not have is no reason to refuse the rest.
        if ((error as sys.SysError).errno === sys.E.NOENT) {
          log.warn("no such cgroup file", { file });
          continue;
        }
        throw new KuasarError("INVALID_ARGUMENT", `Cannot set ${file} to "${value}"`, { cause: error });
      }
    }
  }

  /** Calls `onOom` whenever the kernel has killed a process of the container for want of memory. */
  watchOom(onOom: () => void): void {
    try {
      this.#events = watchFile(`${this.#path}/memory.events`, (text) => this.#countOomKills(text, onOom));
    } catch (error) {
      log.warn("cannot watch for a want of memory", { cgroup: this.#path, error });
    }
  }

  /** The same check at once: at an exit the kernel's event may still be on its way. */
  checkOom(onOom: () => void): void {
    this.#countOomKills(this.#read("memory.events"), onOom);
  }

  #countOomKills(text: string, onOom: () => void): void {
    const kills = parseFlat(text).get("oom_kill") ?? 0n;
    if (kills <= this.#oomKills) return;
    this.#oomKills = kills;
    onOom();
  }

  /** Ends the watch. */
  close(): void {
    this.#events?.close();
    this.#events = undefined;
  }
}
