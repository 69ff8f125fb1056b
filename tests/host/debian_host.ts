import { buildDir } from "../../lib/build/mod.ts";
import { connectCri, type Cri, message, podConfig, type PodOptions } from "../../lib/cri/mod.ts";
import { ListPodSandboxRequest } from "../../lib/proto/gen/runtime/v1/cri.ts";
import { type Container, Pod } from "../harness/mod.ts";
import { HOST_FILES } from "./image.ts";
import type { HostMachine } from "./machine.ts";
import type { HostSuite } from "./suites.ts";

/** An emulated machine takes its time, above all for the first pod of a kind after a boot. */
const CALL_TIMEOUT_MS = 1_800_000;
export const EXEC_TIMEOUT_S = 300;

/** A Debian host under test: the machine, and its containerd as a kubelet sees it. */
export class DebianHost {
  readonly machine: HostMachine;
  readonly suite: HostSuite;
  /** The packages under test, files of this host. */
  readonly packages: readonly string[];
  /** True where none of what they depend on was there before. */
  readonly clean: boolean;
  readonly cri: Cri;
  /** The pods that run, by kind, each with its one container. */
  readonly pods = new Map<string, { pod: Pod; container: Container }>();
  #began = 0;

  constructor(machine: HostMachine, suite: HostSuite, packages: readonly string[], clean: boolean) {
    this.machine = machine;
    this.suite = suite;
    this.packages = packages;
    this.clean = clean;
    this.cri = connectCri(machine.containerd, { timeoutMs: CALL_TIMEOUT_MS });
  }

  /** Begins to measure the time from the installation to something. */
  beginInstallation(): void {
    this.#began = Date.now();
  }

  /** @returns seconds since the installation began */
  get sinceInstallation(): number {
    return (Date.now() - this.#began) / 1000;
  }

  /** Imports an image of the build folder. */
  async importImage(name: string): Promise<void> {
    const archive = `${HOST_FILES}${buildDir}/images/${name}.tar`;
    await this.machine.must(`kuasar-ctr -n k8s.io images import --local ${archive}`);
  }

  /** Runs a pod as a kubelet does, with a folder for its logs. */
  async runPod(handler: string, options: PodOptions): Promise<Pod> {
    const logDirectory = `/var/log/pods/${options.name}`;
    await this.machine.must(`mkdir -p ${logDirectory}`);
    const config = podConfig({ ...options, logDirectory });
    const request = { config, runtimeHandler: handler };
    const { podSandboxId } = await this.cri.runtime.runPodSandbox(request, { timeoutMs: CALL_TIMEOUT_MS });
    return new Pod(this.cri, podSandboxId, config);
  }

  /** Stops and removes every pod that containerd has, as a kubelet does; what a failed start has left is one, too. */
  async removePods(): Promise<void> {
    const { items } = await this.cri.runtime.listPodSandbox(message(ListPodSandboxRequest));
    for (const { id: podSandboxId } of items) {
      await this.cri.runtime.stopPodSandbox({ podSandboxId });
      await this.cri.runtime.removePodSandbox({ podSandboxId });
    }
    this.pods.clear();
  }

  async stop(): Promise<void> {
    this.cri.close();
    await this.machine.stop();
  }
}
