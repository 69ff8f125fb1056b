import { KuasarError } from "../../lib/errors/mod.ts";
import type { Resizable, VmSize } from "../contract/vm/resize.ts";
import type { FirecrackerApi } from "./api.ts";

/** What resizing asks of the API. */
export type SizeApi = Pick<FirecrackerApi, "vmConfig" | "resizeBalloon">;

/** The size of one VM: it stays what it was started with, and its balloon takes what is not wanted. */
export class FirecrackerSize implements Resizable {
  readonly #api: SizeApi;

  constructor(api: SizeApi) {
    this.#api = api;
  }

  async size(): Promise<VmSize> {
    const { "machine-config": machine, balloon } = await this.#api.vmConfig();
    return {
      vcpus: machine.vcpu_count,
      maxVcpus: machine.vcpu_count,
      memoryMib: machine.mem_size_mib,
      maxMemoryMib: machine.mem_size_mib,
      balloonMib: balloon?.amount_mib ?? 0,
    };
  }

  plugVcpus(): Promise<void> {
    return Promise.reject(fixed("vCPUs"));
  }

  plugMemory(): Promise<void> {
    return Promise.reject(fixed("memory"));
  }

  setBalloon(mib: number): Promise<void> {
    return this.#api.resizeBalloon(mib);
  }
}

/** Never asked for: there is no room beyond what a VM has. */
function fixed(what: string): KuasarError {
  return new KuasarError("UNIMPLEMENTED", `Cannot plug ${what} in: this driver's VMs get no more of it`);
}
