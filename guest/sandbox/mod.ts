import { KuasarError } from "../../lib/errors/mod.ts";
import { GuestDefinition } from "../../lib/proto/gen/kuasar/guest/v1/guest.ts";
import { type ExecVMProcessRequest, SandboxServiceDefinition } from "../../lib/proto/gen/grpc/sandbox.ts";
import type { TtrpcServer } from "../../lib/ttrpc/mod.ts";
import type { HostGate } from "../gate/host_gate.ts";
import { powerOff } from "../init/power.ts";
import { run } from "../runtime/run.ts";
import { syncClock } from "./clock.ts";
import { nextEvent } from "./events.ts";
import { guestInfo } from "./guest_info.ts";
import { bringOnline } from "./online.ts";
import { setUpInterfaces, setUpRoutes } from "./network/mod.ts";
import { setUpSandbox } from "./set_up.ts";

/** A command of the host that says nothing else has this long. */
const EXEC_TIMEOUT_MS = 60_000;

/** Runs a shell command in the guest itself. @throws INTERNAL with its stderr when it fails */
async function execInGuest({ command, stdin }: ExecVMProcessRequest, deadlineMs?: number): Promise<string> {
  const timeoutMs = Math.min(deadlineMs ?? EXEC_TIMEOUT_MS, EXEC_TIMEOUT_MS);
  const result = await run(["/bin/sh", "-c", command], { stdin, timeoutMs });
  if (result.code === 0) return result.stdout;
  throw new KuasarError(
    "INTERNAL",
    `Cannot run the command in the guest: exit code ${result.code}: ${result.stderr}`,
  );
}

/**
 * Registers `grpc.SandboxService` and `kuasar.guest.v1.Guest`.
 *
 * @param gate through which their callers have come
 */
export function registerSandbox(server: TtrpcServer, gate: HostGate): void {
  server.add(SandboxServiceDefinition, {
    setupSandbox: async (request) => {
      await setUpSandbox(request);
      return {};
    },
    updateInterfaces: async ({ interfaces }) => {
      await setUpInterfaces(interfaces);
      return {};
    },
    updateRoutes: ({ routes }) => {
      setUpRoutes(routes);
      return {};
    },
    check: () => ({}),
    execVMProcess: async (request, context) => ({ out: await execInGuest(request, context.deadlineMs) }),
    syncClock: (packet) => syncClock(packet),
    getEvents: (_, context) => nextEvent(context),
  });
  server.add(GuestDefinition, {
    info: () => guestInfo(gate),
    online: async ({ cpus }) => {
      await bringOnline(cpus);
      return guestInfo(gate);
    },
    powerOff: () => {
      void powerOff("asked by the host");
      return {};
    },
  });
}
