import { exists } from "../../../lib/files/mod.ts";
import { serveGrpc } from "../../../lib/grpc/mod.ts";
import { exitWatcher } from "../../../lib/process/mod.ts";
import { LogKeeper } from "../../../lib/log/mod.ts";
import {
  DriverDefinition,
  MachineDefinition,
  StartRequest,
} from "../../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { ShareKind } from "../../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import type { FlagTable, SelfCheck, ServiceContext } from "../../../lib/service/mod.ts";
import { openStore } from "../../../lib/store/mod.ts";
import { EmptyNetns } from "../empty_netns.ts";
import { KernelVsockReadiness } from "../readiness.ts";
import { adoptMachines } from "./adopt.ts";
import type { Control } from "./control.ts";
import type { VmHost } from "./host.ts";
import type { Hypervisor } from "./hypervisor.ts";
import type { MachineRecord } from "./machine.ts";
import { problemsWith } from "./preflight.ts";
import { ProgramFiles } from "./program_files.ts";
import { VmDriver } from "./service.ts";

/** Calls under way may end within this time when the process is asked to stop; VMs go on in any case. */
const CLOSE_GRACE_MS = 2_000;

/**
 * Adopts what an earlier process has left and serves the driver of a hypervisor on
 * `<run-dir>/driver-<name>.sock`.
 *
 * @param directory of its state and sandboxes below the run directory; short, because the paths of sockets in it
 * must fit 107 bytes with a sandbox id of 64 characters
 */
export async function serveVmDriver<C extends Control, F extends FlagTable>(
  { runDir, log, onStop, report }: ServiceContext<F>,
  hypervisor: Hypervisor<C>,
  directory = `driver-${hypervisor.name}`,
): Promise<void> {
  if (report) return report(await selfCheck(hypervisor));
  for (const note of hypervisor.notes) log.warn(note);
  // What this process and its VMMs make is root's alone: sockets by which a guest is reached too.
  Deno.umask(0o077);
  const driverDir = `${runDir}/${directory}`;
  const store = openStore(`${driverDir}/state.db`, []);
  nameDirectory(runDir, hypervisor.name, directory);
  onStop("close the state", () => store.close());
  const host: VmHost<C> = {
    hypervisor,
    driverDir,
    records: store.table<MachineRecord>("machines"),
    log,
    logKeeper: new LogKeeper(),
    netns: new EmptyNetns(),
    watcher: exitWatcher(),
    programs: new ProgramFiles(),
    kernelReadiness: new KernelVsockReadiness(),
  };
  const driver = new VmDriver(host, await adoptMachines(host));
  const server = await serveGrpc({
    address: `${runDir}/driver-${hypervisor.name}.sock`,
    fdName: `driver-${hypervisor.name}`,
    services: [[DriverDefinition, driver.handlers()], [MachineDefinition, driver.machineHandlers()]],
  });
  onStop("stop serving", () => server.close(CLOSE_GRACE_MS));
}

const SHARES = {
  [ShareKind.VIRTIOFS]: "virtiofs",
  [ShareKind.NINEP]: "9p",
  [ShareKind.BLOCK]: "block",
} as const satisfies Partial<Record<ShareKind, SelfCheck["share"]>>;

async function selfCheck<C extends Control>(hypervisor: Hypervisor<C>): Promise<SelfCheck> {
  const { version, notes, shareKind } = hypervisor;
  const problems = await problemsWith(hypervisor.requirements(StartRequest.decode(new Uint8Array())));
  return { version, notes, problems, share: SHARES[shareKind as keyof typeof SHARES] ?? "" };
}

/** By its name the sandboxer sees that this driver has run. */
function nameDirectory(runDir: string, name: string, directory: string): void {
  const path = `${runDir}/driver-${name}`;
  if (!exists(path)) Deno.symlinkSync(directory, path);
}
