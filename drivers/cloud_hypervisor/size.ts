import { KuasarError } from "../../lib/errors/mod.ts";
import type { Resizable, VmSize } from "../contract/vm/resize.ts";
import type { ResizeRequest, VmInfo } from "./api_types.ts";

const MIB = 1024 * 1024;

/** What resizing asks of the API. */
export interface SizeApi {
  info(): Promise<VmInfo>;
  resize(request: ResizeRequest): Promise<void>;
}

/** The size of one VM. Its configuration says what was asked for, whatever the guest has made of it so far. */
export class CloudHypervisorSize implements Resizable {
  readonly #api: SizeApi;

  constructor(api: SizeApi) {
    this.#api = api;
  }

  async size(): Promise<VmSize> {
    const { config: { cpus, memory, balloon } } = await this.#api.info();
    if (!cpus || !memory) {
      throw new KuasarError(
        "INTERNAL",
        "Cannot read the VM's size: Cloud Hypervisor tells no vCPUs or no memory",
      );
    }
    return {
      vcpus: cpus.boot_vcpus,
      maxVcpus: cpus.max_vcpus,
      memoryMib: memory.size / MIB,
      // The most that it can be: what was plugged in is in `size` too. The VMM knows better, and refuses.
      maxMemoryMib: (memory.size + (memory.hotplug_size ?? 0)) / MIB,
      balloonMib: (balloon?.size ?? 0) / MIB,
    };
  }

  async plugVcpus(total: number): Promise<void> {
    await this.#api.resize({ desired_vcpus: total });
  }

  async plugMemory(totalMib: number): Promise<void> {
    try {
      await this.#api.resize({ desired_ram: totalMib * MIB });
    } catch (error) {
      if (!(error instanceof KuasarError && error.code === "INTERNAL")) throw error;
      throw new KuasarError(
        "RESOURCE_EXHAUSTED",
        `Cannot resize the VM to ${totalMib} MiB: the VMM has no more room`,
        { cause: error, evidence: error.evidence },
      );
    }
  }

  async setBalloon(mib: number): Promise<void> {
    await this.#api.resize({ desired_balloon: mib * MIB });
  }
}
