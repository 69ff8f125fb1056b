import type { HostGate } from "../gate/host_gate.ts";
import * as sys from "../native/sys.js";
import { within } from "../runtime/deadline.ts";
import { FdStream } from "../runtime/fd_stream.ts";
import { log } from "../runtime/log.ts";
import { exitOf, spawnReaped } from "../runtime/reaper.ts";

/** Port of the debug console, Kuasar's. */
const CONSOLE_PORT = 1025;
/** A client that wants a quiet shell says so within this time. */
const MODE_TIMEOUT_MS = 100;
const EXEC_MODE = "KSR_MODE exec\n";
/** What ends input on a terminal. */
const END_OF_TRANSMISSION = Uint8Array.of(4);
/** How long output of an ended shell may take to reach the host. */
const DRAIN_MS = 2000;
const SHELLS = ["/bin/bash", "/bin/sh"];

/** The first bytes of a client, empty when it says nothing in time. */
async function firstBytes(connection: FdStream): Promise<Uint8Array> {
  try {
    await within(MODE_TIMEOUT_MS, "hear of the client", connection.readable());
  } catch {
    return new Uint8Array();
  }
  return await connection.read() ?? new Uint8Array();
}

/** A shell on a terminal of its own. */
function startShell(shell: string, quiet: boolean): { master: number; pid: number } {
  const { master, slave } = sys.openpty();
  try {
    if (quiet) sys.setEcho(slave, false);
    const env = [
      `PATH=${sys.getenv("PATH") ?? "/bin"}`,
      "HOME=/root",
      "TERM=vt100",
      ...(quiet ? ["PS1=", "PS2="] : []),
    ];
    const pid = spawnReaped({
      argv: [shell],
      env,
      cwd: "/",
      stdin: slave,
      stdout: slave,
      stderr: slave,
      ctty: true,
    });
    return { master, pid };
  } catch (error) {
    sys.close(master);
    throw error;
  } finally {
    sys.close(slave);
  }
}

/** Serves one client until the shell has ended or the client is gone. */
async function serveClient(fd: number, shell: string): Promise<void> {
  const connection = new FdStream(fd);
  let text: Uint8Array;
  try {
    text = await firstBytes(connection);
  } catch (error) {
    connection.close();
    throw error;
  }
  const quiet = sys.utf8Decode(text.subarray(0, EXEC_MODE.length)) === EXEC_MODE;
  connection.release();
  const open = [fd];
  try {
    const { master, pid } = startShell(shell, quiet);
    open.push(master);
    const rest = quiet ? text.subarray(EXEC_MODE.length) : text;
    if (rest.length > 0) sys.write(master, rest);
    // The end of the client's input is the end of the shell's; its output goes on.
    sys.relay(fd, master, ({ reason }) => {
      if (reason === "eof") sys.write(master, END_OF_TRANSMISSION);
    });
    const delivered = new Promise<void>((resolve) =>
      sys.relay(master, fd, ({ reason }) => {
        if (reason !== "eof") hangUp(pid);
        resolve();
      })
    );
    await exitOf(pid);
    await within(DRAIN_MS, "send the shell's last output", delivered);
  } finally {
    for (const item of open) sys.close(item);
  }
}

/** Ends a shell whose client is gone. */
function hangUp(pid: number): void {
  for (const signal of [sys.SIG.HUP, sys.SIG.KILL]) {
    try {
      sys.kill(-pid, signal);
    } catch {
      // Gone already.
    }
  }
}

/**
 * Serves the debug console: a shell on a terminal for each connection, as raw bytes. It asks for nothing but what the gate
 * does, so it is there only with `task.debug`.
 *
 * @param shell a path; empty for the first of bash and sh that is there
 */
export function serveConsole(gate: HostGate, shell: string): void {
  const program = shell || SHELLS.find((path) => sys.exists(path)) || "/bin/sh";
  gate.serve(CONSOLE_PORT, (fd) => {
    serveClient(fd, program).catch((error) => log.warn("debug console", { error }));
  });
  log.info("debug console", { port: CONSOLE_PORT, shell: program });
}
