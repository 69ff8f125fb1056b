import { KuasarError } from "../../../lib/errors/mod.ts";
import { type GrpcServer, serveGrpc } from "../../../lib/grpc/mod.ts";
import {
  DriverDefinition,
  MachineDefinition,
  SandboxState,
  type StartResponse,
} from "../../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { ShareKind } from "../../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { serveStandInGuest, STAND_IN_SECRET } from "./stand_in_guest.ts";
import type { StandInVm, World } from "./world.ts";

/** Serves the driver contract on a world, as driver `qemu`; its VMs are guests behind hybrid vsock. */
export function serveStandInDriver(runDir: string, world: World): Promise<GrpcServer> {
  const find = (id: string): StandInVm => {
    const vm = world.vms.get(id);
    if (vm) return vm;
    throw new KuasarError("NOT_FOUND", `Cannot find sandbox ${id}`);
  };
  const endpoint = (id: string) => ({
    kind: { $case: "hybridPath" as const, value: `${runDir}/${id}.vsock` },
    secret: STAND_IN_SECRET,
  });
  const end = (id: string, status: number) => {
    const vm = find(id);
    if (vm.exited) return;
    vm.exited = true;
    vm.exit.resolve({ exitStatus: status, exitedAt: undefined, evidence: [] });
  };
  const devices = (id: string): Set<string> => {
    const vm = find(id);
    if (vm.exited) throw new KuasarError("FAILED_PRECONDITION", `Cannot use sandbox ${id}: it has ended`);
    return vm.devices;
  };
  return serveGrpc({
    address: `${runDir}/driver-qemu.sock`,
    services: [[DriverDefinition, {
      async info() {
        const numbers = {
          vm: true,
          shareKind: ShareKind.VIRTIOFS,
          capabilities: [],
          memoryMib: 256n,
          vcpus: 1,
        };
        return { name: "qemu", version: "stand-in", accel: "", notes: [], ...numbers };
      },
      async start({ sandboxId: id }): Promise<StartResponse> {
        if (world.vms.has(id)) throw new KuasarError("ALREADY_EXISTS", `Cannot start ${id}: it exists`);
        const vm: StandInVm = {
          pid: 100_000 + world.vms.size,
          devices: new Set(),
          exit: Promise.withResolvers(),
          exited: false,
          poweredOff: false,
          closeGuest: () => Promise.resolve(),
        };
        await world.call("driver/start", id, async () => {
          world.vms.set(id, vm);
          const guest = await serveStandInGuest(`${runDir}/${id}.vsock`, id, vm, world);
          vm.closeGuest = () => guest.close();
        });
        const time = { seconds: BigInt(Math.floor(Date.now() / 1000)), nanos: 0 };
        return { pid: vm.pid, guest: endpoint(id), phases: [{ name: "boot", begin: time, end: time }] };
      },
      async stop({ sandboxId: id, graceMs }) {
        await world.call("driver/stop", id, () => {
          const vm = world.vms.get(id);
          if (vm) end(id, vm.poweredOff && graceMs > 0 ? 0 : 137);
        });
        return {};
      },
      wait: ({ sandboxId }) => find(sandboxId).exit.promise,
      async remove({ sandboxId: id }) {
        await world.call("driver/remove", id, async () => {
          const vm = world.vms.get(id);
          if (!vm) return;
          end(id, 137);
          await vm.closeGuest();
          world.vms.delete(id);
        });
        return {};
      },
      async status({ sandboxId: id }) {
        const { pid, exited } = find(id);
        const state = exited ? SandboxState.STOPPED : SandboxState.RUNNING;
        return { state, pid, guest: endpoint(id), consolePath: `${runDir}/${id}.log`, pids: [Deno.pid] };
      },
      prepareContainer: ({ sandboxId }) => {
        throw new KuasarError("UNIMPLEMENTED", `Cannot prepare a container in ${sandboxId}: it is a VM`);
      },
      releaseContainer: () => Promise.resolve({}),
      list: () => Promise.resolve({ sandboxIds: [...world.vms.keys()] }),
      async attachBlock({ sandboxId, device }) {
        const serial = device?.serial ?? "";
        await world.call("driver/attachBlock", serial, () => {
          const plugged = devices(sandboxId);
          if (plugged.has(serial)) throw new KuasarError("ALREADY_EXISTS", `Cannot attach ${serial} twice`);
          plugged.add(serial);
        });
        return {};
      },
      async detachBlock({ sandboxId, serial }) {
        await world.call("driver/detachBlock", serial, () => {
          if (devices(sandboxId).delete(serial)) return;
          throw new KuasarError("NOT_FOUND", `Cannot detach ${serial}: there is no such disk`);
        });
        return {};
      },
      pause: () => Promise.resolve({}),
      async resume({ sandboxId }) {
        await world.call("driver/resume", sandboxId, () => void find(sandboxId));
        return {};
      },
    }], [MachineDefinition, {
      async resize({ sandboxId: id, vcpus, memoryMib }) {
        await world.call("driver/resize", id, () => void find(id));
        return { vcpus: vcpus || 1, memoryMib: memoryMib || 256n };
      },
      async snapshot({ sandboxId }) {
        await world.call("driver/snapshot", sandboxId, () => void find(sandboxId));
        return {};
      },
      restore: () => Promise.reject(new KuasarError("UNIMPLEMENTED", "Cannot restore a sandbox here")),
      async attachDevice({ sandboxId, id }) {
        await world.call("driver/attachDevice", id, () => void devices(sandboxId).add(id));
        return { pciAddress: "0000:00:06.0" };
      },
      async detachDevice({ sandboxId, id }) {
        await world.call("driver/detachDevice", id, () => void devices(sandboxId).delete(id));
        return {};
      },
      async probe({ sandboxId }) {
        await world.call("driver/probe", sandboxId, () => void find(sandboxId));
        return { silence: world.silentVmms.has(sandboxId) ? "it does not answer" : "" };
      },
      async counters({ sandboxId }) {
        find(sandboxId);
        const disk = { serial: "d", readBytes: 4096n, readOps: 2n, writeBytes: 512n, writeOps: 1n };
        return { memoryBytes: 256n << 20n, disks: [disk] };
      },
    }]],
  });
}
