import { KuasarError } from "../../lib/errors/mod.ts";
import type { Resources } from "../../lib/oci/mod.ts";
import type { Metrics } from "../../lib/proto/gen/cgroups/v2.ts";
import * as sys from "../native/sys.js";
import { log } from "../runtime/log.ts";
import { cgroupWrites } from "./resources.ts";
import { parseFlat, readMetrics } from "./stats.ts";

const ROOT = "/sys/fs/cgroup";

/** The cgroup (v2) of one container. */
export class Cgroup {
  readonly #path: string;
  #oomKills = 0n;
  #events = -1;

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

  freeze(frozen: boolean): void {
    this.#write("cgroup.freeze", frozen ? "1" : "0");
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
      this.#events = sys.open(`${this.#path}/memory.events`, sys.O.RDONLY);
    } catch {
      return;
    }
    sys.watch(this.#events, sys.EPOLL.PRI, () => this.checkOom(onOom));
  }

  /** The same check at once: at an exit the kernel's event may still be on its way. */
  checkOom(onOom: () => void): void {
    const kills = parseFlat(this.#read("memory.events")).get("oom_kill") ?? 0n;
    // Reading the watched descriptor itself is what re-arms it.
    if (this.#events >= 0) {
      try {
        const scratch = new Uint8Array(512);
        sys.read(this.#events, scratch);
      } catch {
        this.close();
      }
    }
    if (kills <= this.#oomKills) return;
    this.#oomKills = kills;
    onOom();
  }

  /** Ends the watch. */
  close(): void {
    if (this.#events >= 0) sys.close(this.#events);
    this.#events = -1;
  }
}
