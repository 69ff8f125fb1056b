import { log } from "../../runtime/log.ts";
import { type Cgroup, openCgroup } from "../../task/cgroup.ts";
import { noContainer } from "../../task/task_container.ts";
import { sandboxLimits } from "./limits.ts";
import { type HostUsage, hostUsage } from "./host_usage.ts";
import { Control } from "./control.ts";
import { type HostProcess, watchEnd } from "../host_process.ts";
import type { RunscContainer } from "./container.ts";

/** gVisor's sandbox of a pod as the task server sees it: one process of the host, with containers in it. */
export class RunscSandbox {
  readonly process: HostProcess;
  readonly control: Control;
  readonly containers = new Map<string, RunscContainer>();
  /** Resolves when the sandbox has ended, after everyone who must hear of its reason has. */
  readonly died: Promise<void>;
  #dead = false;
  readonly #cgroup: Cgroup | undefined;
  readonly #cgroupPath: string;
  /** Replaced when the watch is set; the process may have ended before. */
  #stopWatch: () => void = () => {};
  #die: () => void = () => {};

  /**
   * @param cgroup of the sandbox's processes below each hierarchy's root; may be empty
   * @param onOom told of each container when the kernel has ended the sandbox for want of memory
   */
  constructor(
    process: HostProcess,
    control: Control,
    cgroup: string,
    onOom: (containerId: string) => void,
  ) {
    this.process = process;
    this.control = control;
    this.#cgroupPath = cgroup;
    this.#cgroup = cgroup === "" ? undefined : openCgroup(cgroup);
    this.died = new Promise((resolve) => this.#die = resolve);
    this.#stopWatch = watchEnd(process, () => {
      log.warn("the sandbox has ended", { pid: process.pid });
      // One limit holds for all, so all have ended by it.
      this.#cgroup?.checkOom(() => {
        for (const [id, { init }] of this.containers) if (init.state !== "stopped") onOom(id);
      });
      this.close();
    });
  }

  get pid(): number {
    return this.process.pid;
  }

  get dead(): boolean {
    return this.#dead;
  }

  /** What the host has counted for all its processes. */
  hostUsage(): HostUsage {
    return this.#cgroupPath === "" ? { cpuNs: 0n, memoryBytes: 0n } : hostUsage(this.#cgroupPath);
  }

  /** Gives the sandbox the limits that follow from its containers'. @throws KuasarError INVALID_ARGUMENT */
  applyLimits(): void {
    const containers = [...this.containers.values()];
    const [first] = containers;
    if (!first || !this.#cgroup || this.#dead) return;
    this.#cgroup.update(sandboxLimits(containers.map(({ resources }) => resources), first.followed));
  }

  /** @throws KuasarError NOT_FOUND */
  container(id: string): RunscContainer {
    const container = this.containers.get(id);
    if (!container) throw noContainer(id);
    return container;
  }

  /** Puts a new container under the limits. */
  add(container: RunscContainer): void {
    this.containers.set(container.id, container);
    this.applyLimits();
  }

  /** Forgets a container that is deleted, and its limits. */
  remove(id: string): void {
    this.containers.delete(id);
    this.applyLimits();
  }

  close(): void {
    if (this.#dead) return;
    this.#dead = true;
    this.#stopWatch();
    this.#cgroup?.close();
    this.#die();
  }
}
