import { KuasarError } from "../../../lib/errors/mod.ts";
import type { SetupSandboxRequest } from "../../../lib/proto/gen/grpc/sandbox.ts";
import type { WaitResponse } from "../../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import type { WaitShareResponse } from "../../../lib/proto/gen/kuasar/storage/v1/storage.ts";

/** A VM as the stand-ins know it. */
export interface StandInVm {
  pid: number;
  devices: Set<string>;
  exit: PromiseWithResolvers<WaitResponse>;
  exited: boolean;
  poweredOff: boolean;
  setup?: SetupSandboxRequest;
  closeGuest: () => Promise<void>;
}

/** What a fault does to a call: it may throw, or wait for something. */
export type Fault = () => void | Promise<void>;

/**
 * What exists on the node of a test. It outlives the stand-ins, as the real things outlive the services, so that they can
 * be restarted.
 */
export class World {
  readonly networks = new Set<string>();
  readonly shares = new Set<string>();
  readonly containers = new Set<string>();
  readonly vms = new Map<string, StandInVm>();
  /** Ids of VMs whose VMM answers nobody although they run. */
  readonly silentVmms = new Set<string>();
  /** Names of all calls in their order: `network/attach s1`. */
  readonly calls: string[] = [];
  /** By the name of a call. It strikes after the call's effect: the worst moment. */
  readonly faults = new Map<string, Fault>();
  readonly #shareEnds = new Map<string, PromiseWithResolvers<WaitShareResponse>>();
  /** How far the clocks of the guests are off, in ns. */
  clockErrorNs = 0n;

  /** Notes a call, makes its effect and lets a fault strike. */
  async call(name: string, id: string, effect: () => void | Promise<void>): Promise<void> {
    this.calls.push(`${name} ${id}`);
    await effect();
    await this.faults.get(name)?.();
  }

  /** Ends a VM by itself, as a crash does. */
  crash(id: string, status = 139): void {
    const vm = this.vms.get(id);
    if (!vm || vm.exited) return;
    vm.exited = true;
    vm.exit.resolve({ exitStatus: status, exitedAt: undefined, evidence: ["Kernel panic - not syncing"] });
  }

  /** Settles when what serves a sandbox's files has ended, which a test makes it do. */
  shareEnd(id: string): PromiseWithResolvers<WaitShareResponse> {
    const end = this.#shareEnds.get(id) ?? Promise.withResolvers<WaitShareResponse>();
    this.#shareEnds.set(id, end);
    return end;
  }

  /** Everything that exists, empty after a clean removal. */
  leftovers(): string[] {
    return [
      ...[...this.networks].map((id) => `network ${id}`),
      ...[...this.shares].map((id) => `share ${id}`),
      ...[...this.containers].map((id) => `container ${id}`),
      ...[...this.vms.keys()].map((id) => `vm ${id}`),
    ];
  }
}

/** A fault that fails a call with a code. */
export function failing(code: KuasarError["code"] = "INTERNAL", evidence: string[] = []): Fault {
  return () => {
    throw new KuasarError(code, "Cannot do it: injected fault", { evidence });
  };
}
