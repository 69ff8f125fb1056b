/**
 * A stand-in for StratoVirt on hosts without KVM: its command line, its monitor and its manners, with QEMU underneath so
 * that real guests boot. Its first argument says what it is built upon ({@link StandInOptions}); all others are the real
 * program's.
 */
import { listenUnixFd } from "../../../lib/libc/mod.ts";
import { parseCommandLine, type Request } from "./command_line.ts";
import type { StandInOptions } from "./options.ts";
import { QmpServer } from "./qmp_server.ts";
import { COMMANDS } from "./schema.ts";
import { QmpError } from "./qmp_error.ts";
import { Vmm } from "./vmm.ts";

/** Time for an answer under way to leave before the process goes. */
const LAST_ANSWER_MS = 50;

const options: StandInOptions = JSON.parse(Deno.args[0] ?? "{}");

function fail(message: string): never {
  console.error(message);
  Deno.exit(1);
}

function request(): Request {
  try {
    return parseCommandLine(Deno.args.slice(1), options);
  } catch (error) {
    fail((error as Error).message);
  }
}

/** As the real one: what is at the path already, a stale socket too, is in the way. */
function listenSerial(path: string): number {
  try {
    Deno.lstatSync(path);
  } catch {
    return listenUnixFd(path);
  }
  fail(`Failed to bind ${path}: Address already in use`);
}

const asked = request();
if (asked.kind === "version") {
  console.log(`StratoVirt ${options.version} commit-id stand-in`);
  Deno.exit(0);
}
const { line } = asked;

Deno.umask(0o077);
let exiting = false;

async function exit(code: number): Promise<void> {
  if (exiting) return;
  exiting = true;
  await vmm?.close();
  await new Promise((resolve) => setTimeout(resolve, LAST_ANSWER_MS));
  server.close();
  for (const path of [line.monitor, line.serial]) {
    await Deno.remove(path).catch(() => {});
  }
  Deno.exit(code);
}

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  Deno.addSignalListener(signal, () => {
    server.event("SHUTDOWN", { guest: false, reason: `host-signal-${signal}` });
    void exit(0);
  });
}

let vmm: Vmm | undefined;
const serialFd = listenSerial(line.serial);
async function run(command: string, args: Record<string, unknown>, fds: number[]): Promise<unknown> {
  const machine = vmm;
  if (!machine) throw new QmpError("");
  switch (command) {
    case "query-status":
      return machine.status();
    case "query-version":
      return { qemu: { micro: 1, minor: 0, major: 5 }, package: `StratoVirt-${options.version}` };
    case "query-commands":
      return Object.keys(COMMANDS).map((name) => ({ name }));
    case "balloon":
      return await machine.setBalloon(Number(args.value));
    case "query-balloon":
      return { actual: await machine.memoryActualSize() };
    case "stop":
      return await machine.stop();
    case "cont":
      return await machine.cont();
    case "blockdev-add":
      return machine.addNode(args);
    case "blockdev-del":
      return machine.deleteNode(args);
    case "getfd":
      return machine.keepFd(args, fds);
    case "netdev_add":
      return machine.addNetdev(args);
    case "netdev_del":
      return machine.deleteNetdev(args);
    case "device_add":
      return await machine.addDevice(args);
    case "device_del":
      return await machine.removeDevice(args);
    case "system_powerdown":
      // On x86 the vCPUs go without a word to the guest, and without an event.
      setTimeout(() => Deno.exit(0), 1);
      break;
    case "quit":
      if (options.losesQuitReply) await exit(0);
      setTimeout(() => {
        server.event("SHUTDOWN", { guest: false, reason: "host-qmp-quit" });
        void exit(0);
      }, 1);
  }
  return {};
}

/** The end of a driver that works by luck; the log of the VMM says why. */
const VIOLATION = 70;

const server = (() => {
  try {
    return new QmpServer(line.monitor, {
      version: options.version,
      run,
      violation(what) {
        console.error(`Stand-in: ${what}`);
        void exit(VIOLATION);
      },
    });
  } catch (error) {
    fail(`Failed to bind ${line.monitor}: ${(error as Error).message}`);
  }
})();

try {
  vmm = await Vmm.start(line, options, serialFd, (name, data) => server.event(name, data));
} catch (error) {
  await Deno.remove(line.monitor).catch(() => {});
  fail((error as Error).message);
}
void vmm.ended.then((end) => {
  if (end === "shutdown") server.event("SHUTDOWN", { guest: true, reason: "guest-shutdown" });
  else if (end === "reset") server.event("SHUTDOWN", { guest: true, reason: "guest-reset" });
  void exit(end === "crashed" ? 1 : 0);
});
await server.serve();
