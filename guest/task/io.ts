import { KuasarError } from "../../lib/errors/mod.ts";
import * as sys from "../native/sys.js";
import { within } from "../runtime/deadline.ts";
import { InputEndpoint, OutputEndpoint, type StreamHub } from "../stream/mod.ts";
import type { CreateOptions, Stdio } from "./crun.ts";

/** Which streams a process has. */
export interface IoRequest {
  terminal: boolean;
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
}

/** The streams of one process on their way from the request to the hub. */
export interface ProcessIo {
  /** For the runtime. */
  readonly options: CreateOptions;
  /** After the runtime has started the process: gives its ends away and makes the streams known. */
  connect(): Promise<void>;
  /** When the runtime has failed: closes everything. */
  discard(): void;
}

const CONSOLE_TIMEOUT_MS = 10_000;

let consoles = 0;

/** Makes the stdio of a process. `exec` is empty for a container's init. */
export function makeIo(hub: StreamHub, container: string, exec: string, request: IoRequest): ProcessIo {
  return request.terminal ? terminalIo(hub, container, exec, request) : pipeIo(hub, container, exec, request);
}

/** Pipes: the child's ends block, as programs expect; ours do not. */
function pipeIo(hub: StreamHub, container: string, exec: string, request: IoRequest): ProcessIo {
  const opened: number[] = [];
  const childs: number[] = [];
  const devNull = () => {
    const fd = sys.open("/dev/null", sys.O.RDWR);
    childs.push(fd);
    return fd;
  };
  const ours: Partial<Record<keyof Stdio, number>> = {};
  const stdio = {} as Stdio;
  for (const name of ["stdin", "stdout", "stderr"] as const) {
    if (!request[name]) {
      stdio[name] = devNull();
      continue;
    }
    const ends = sys.pipe(false);
    const [own, childEnd] = name === "stdin" ? [ends.write, ends.read] : [ends.read, ends.write];
    sys.setNonblock(own, true);
    ours[name] = own;
    opened.push(own);
    stdio[name] = childEnd;
    childs.push(childEnd);
  }
  return {
    options: { stdio },
    connect() {
      // The process has its own copies; ours would keep the pipes from ever ending.
      for (const fd of childs.splice(0)) sys.close(fd);
      if (ours.stdin !== undefined) hub.add(container, exec, "stdin", new InputEndpoint(ours.stdin));
      if (ours.stdout !== undefined) hub.add(container, exec, "stdout", new OutputEndpoint(ours.stdout));
      if (ours.stderr !== undefined) hub.add(container, exec, "stderr", new OutputEndpoint(ours.stderr));
      opened.length = 0;
      return Promise.resolve();
    },
    discard() {
      for (const fd of [...childs.splice(0), ...opened.splice(0)]) sys.close(fd);
    },
  };
}

/** A terminal: the runtime makes it in the container and sends us its master. */
function terminalIo(hub: StreamHub, container: string, exec: string, request: IoRequest): ProcessIo {
  const path = `/run/kuasar/console-${sys.getpid()}-${++consoles}.sock`;
  sys.mkdirAll("/run/kuasar", 0o755);
  const listener = sys.listenUnix(path);
  const devNull = sys.open("/dev/null", sys.O.RDWR);
  const master = receiveMaster(listener);
  // Whoever awaits it later still gets the rejection; without this an early one would be logged as unhandled.
  master.catch(() => {});
  const close = () => {
    sys.close(listener);
    sys.close(devNull);
    if (sys.exists(path)) sys.unlink(path);
  };
  return {
    options: { stdio: { stdin: devNull, stdout: devNull, stderr: devNull }, consoleSocket: path },
    async connect() {
      try {
        const fd = await within(CONSOLE_TIMEOUT_MS, "get the terminal of the process", master);
        hub.add(container, exec, "stdout", new TerminalOutput(container, exec, fd));
        // Of its own: closing the input must not close the output.
        if (request.stdin) hub.add(container, exec, "stdin", new InputEndpoint(sys.dup(fd)));
      } finally {
        close();
      }
    },
    discard: close,
  };
}

/** Terminals of running processes, for resizing. */
const terminals = new Map<string, number>();

class TerminalOutput extends OutputEndpoint {
  constructor(container: string, exec: string, master: number) {
    const key = `${container}/${exec}`;
    sys.setNonblock(master, true);
    super(master, () => terminals.delete(key));
    terminals.set(key, master);
  }
}

/** Tells a process how large its terminal is. @throws KuasarError FAILED_PRECONDITION where it has none */
export function resizeTerminal(container: string, exec: string, rows: number, columns: number): void {
  const master = terminals.get(`${container}/${exec}`);
  if (master === undefined) {
    throw new KuasarError("FAILED_PRECONDITION", "Cannot resize: the process has no terminal");
  }
  sys.setWinsize(master, rows, columns);
}

/** Waits for the runtime's message with the descriptor. */
function receiveMaster(listener: number): Promise<number> {
  return new Promise((resolve, reject) => {
    sys.watch(listener, sys.EPOLL.IN, () => {
      const connection = sys.accept(listener);
      if (!connection) return;
      sys.unwatch(listener);
      sys.watch(connection.fd, sys.EPOLL.IN, () => {
        const message = sys.recvFds(connection.fd, 4096);
        if (!message) return;
        sys.close(connection.fd);
        const [master, ...rest] = message.fds;
        for (const fd of rest) sys.close(fd);
        if (master === undefined) {
          reject(new KuasarError("INTERNAL", "Cannot get the terminal: the runtime sent none"));
        } else resolve(master);
      });
    });
  });
}
