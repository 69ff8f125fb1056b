import { serveGrpc } from "../../../lib/grpc/mod.ts";
import { dropOwnMount, makeOwnMount } from "../../../lib/mounts/mod.ts";
import { exitWatcher } from "../../../lib/process/mod.ts";
import { DriverDefinition } from "../../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import type { FlagTable, ServiceContext } from "../../../lib/service/mod.ts";
import { openStore } from "../../../lib/store/mod.ts";
import { problemsWith } from "../vm/preflight.ts";
import { adoptSandboxes } from "./adopt.ts";
import type { SandboxHost } from "./host.ts";
import type { SandboxKind } from "./kind.ts";
import type { SandboxRecord } from "./record.ts";
import { HostDriver } from "./service.ts";

/** Calls under way may end within this time when the process is asked to stop; sandboxes go on in any case. */
const CLOSE_GRACE_MS = 2_000;

/**
 * Adopts what an earlier process has left and serves the driver of a kind of sandboxes without a kernel of their own, on
 * `<run-dir>/driver-<name>.sock`.
 */
export async function serveHostDriver<F extends FlagTable>(
  { runDir, log, onStop, report }: ServiceContext<F>,
  kind: SandboxKind,
): Promise<void> {
  if (report) {
    const { version, notes } = kind;
    return report({ version, notes, share: "", problems: await problemsWith(kind.requirements()) });
  }
  for (const note of kind.notes) log.warn(note);
  const driverDir = `${runDir}/driver-${kind.name}`;
  makeOwnMount(driverDir);
  onStop("give the directory back", () => dropOwnMount(driverDir));
  const store = openStore(`${driverDir}/state.db`, []);
  onStop("close the state", () => store.close());
  const host: SandboxHost = {
    kind,
    driverDir,
    records: store.table<SandboxRecord>("sandboxes"),
    log,
    watcher: exitWatcher(),
  };
  const driver = new HostDriver(host, await adoptSandboxes(host));
  const server = await serveGrpc({
    address: `${runDir}/driver-${kind.name}.sock`,
    fdName: `driver-${kind.name}`,
    services: [[DriverDefinition, driver.handlers()]],
  });
  onStop("stop serving", () => server.close(CLOSE_GRACE_MS));
}
