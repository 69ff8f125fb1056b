import { TtrpcServer } from "../../lib/ttrpc/mod.ts";
import { serveConsole } from "../console/mod.ts";
import { HostGate } from "../gate/host_gate.ts";
import * as sys from "../native/sys.js";
import { FdStream } from "../runtime/fd_stream.ts";
import { log, setLogLevel } from "../runtime/log.ts";
import { startReaper } from "../runtime/reaper.ts";
import { envelope, publishEvent } from "../sandbox/events.ts";
import { bringLoopbackUp } from "../sandbox/network/mod.ts";
import { registerSandbox } from "../sandbox/mod.ts";
import { serveStreams } from "../stream/mod.ts";
import { registerTask } from "../task/mod.ts";
import { VERSION } from "../version.ts";
import { type KernelParameters, parseKernelParameters } from "./kernel_parameters.ts";
import { enableControllers, mountAll } from "./mounts.ts";
import { powerOff, setPowerOffByReset } from "./power.ts";
import { fetchSecret, pushReadiness } from "./readiness.ts";
import { leaveRootfs } from "./root.ts";
import { applySettings } from "./settings.ts";
import { mountShare } from "./share.ts";

/** Port of the services, Kuasar's. */
const SERVICE_PORT = 1024;

/** What init does one after the other, by the name that a failure is reported with. */
function steps(): readonly [name: string, step: () => void][] {
  let parameters: KernelParameters = parseKernelParameters("");
  return [
    ["leave the initramfs' root", leaveRootfs],
    ["mount the guest's file systems", mountAll],
    ["read the kernel's parameters", () => {
      parameters = parseKernelParameters(sys.readTextFile("/proc/cmdline"));
      setLogLevel(parameters.logLevel);
      setPowerOffByReset(parameters.powerOffByReset);
      for (const word of parameters.problems) log.warn("kernel parameter is not understood", { word });
    }],
    ["set up cgroups", enableControllers],
    ["apply settings", () => applySettings(parameters.sysctls)],
    ["mount the host's share", () => mountShare(parameters.shareType)],
    ["bring the loopback up", bringLoopbackUp],
    ["reap processes", startReaper],
    ["take signals", takeSignals],
    ["serve", () => {
      const gate = new HostGate(parameters.secretPort !== 0);
      serve(parameters, gate);
      void reportReady(parameters, gate);
    }],
  ];
}

function takeSignals(): void {
  for (const signal of [sys.SIG.TERM, sys.SIG.INT]) {
    sys.onSignal(signal, () => void powerOff(`signal ${signal}`));
  }
}

/** Tells the host that the agent serves; where it has a secret for us, nobody is let in before it is here. */
async function reportReady({ secretPort }: KernelParameters, gate: HostGate): Promise<void> {
  if (secretPort === 0) return await pushReadiness();
  try {
    gate.expect(await fetchSecret(secretPort));
  } catch (error) {
    log.error("cannot learn the host's secret", { error });
    void powerOff("cannot learn the host's secret");
  }
}

function serve(parameters: KernelParameters, gate: HostGate): void {
  const server = new TtrpcServer({
    onProtocolError: (error) => log.warn("ttrpc connection", { error }),
    onHandlerError: (error, service, method) =>
      log.debug("call failed", { method: `${service}/${method}`, error }),
  });
  registerSandbox(server, gate);
  registerTask(
    server,
    !parameters.containerVsock,
    (topic, event) => publishEvent(envelope(topic, event, Date.now())),
  );
  gate.serve(SERVICE_PORT, (fd) => void server.serve(new FdStream(fd)));
  serveStreams(gate);
  if (parameters.debug) serveConsole(gate, parameters.debugShell);
  log.info("serving", { version: VERSION, kernel: sys.uname().release, uptimeMs: Math.round(sys.nowMs()) });
}

/** The agent as PID 1 of a guest: sets the machine up, serves, tells the host. What fails ends the guest with a reason. */
export function runInit(): void {
  for (const [name, step] of steps()) {
    try {
      step();
    } catch (error) {
      log.error(`cannot ${name}`, { error });
      void powerOff(`cannot ${name}`);
      return;
    }
  }
}
