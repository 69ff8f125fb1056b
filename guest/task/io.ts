import { KuasarError } from "../../lib/errors/mod.ts";
import * as sys from "../native/sys.js";
import { within } from "../runtime/deadline.ts";
import { InputEndpoint, OutputEndpoint, PendingEndpoint, type StreamHub } from "../stream/mod.ts";
import type { CreateOptions, Stdio } from "./crun.ts";

/** Which streams a process has. */
export interface IoRequest {
  terminal: boolean;
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
}

/** The streams of one process. The host can open them from the beginning. */
export interface ProcessIo {
  /** For the runtime. */
  readonly options: CreateOptions;
  /** After the runtime has started the process: lets go of the process's ends. */
  started(): Promise<void>;
  /** When there will be no process: closes everything. May be called twice. */
  discard(): void;
}

/** For the sockets over which the runtime hands terminals to us. */
const CONSOLE_DIRECTORY = "/run/kuasar";
const CONSOLE_TIMEOUT_MS = 10_000;

let consoles = 0;

/** Makes the stdio of a process. `exec` is empty for a container's init. */
export function makeIo(hub: StreamHub, container: string, exec: string, request: IoRequest): ProcessIo {
  return request.terminal ? terminalIo(hub, container, exec, request) : pipeIo(hub, container, exec, request);
}

/** Pipes: the child's ends block, as programs expect; ours do not. */
function pipeIo(hub: StreamHub, container: string, exec: string, request: IoRequest): ProcessIo {
  const childs: number[] = [];
  const childEnd = (name: keyof Stdio): number => {
    if (!request[name]) return sys.open("/dev/null", sys.O.RDWR);
    const ends = sys.pipe(false);
    const [own, other] = name === "stdin" ? [ends.write, ends.read] : [ends.read, ends.write];
    sys.setNonblock(own, true);
    hub.add(container, exec, name, name === "stdin" ? new InputEndpoint(own) : new OutputEndpoint(own));
    return other;
  };
  // The process has its own copies; ours would keep the pipes from ever ending.
  const closeChilds = () => childs.splice(0).forEach((fd) => sys.close(fd));
  const discard = () => {
    closeChilds();
    hub.remove(container, exec);
  };
  try {
    const stdio = {} as Stdio;
    for (const name of ["stdin", "stdout", "stderr"] as const) childs.push(stdio[name] = childEnd(name));
    return {
      options: { stdio },
      started: () => Promise.resolve(closeChilds()),
      discard,
    };
  } catch (error) {
    discard();
    throw error;
  }
}

/** A terminal: the runtime makes it in the container and sends us its master. */
function terminalIo(hub: StreamHub, container: string, exec: string, request: IoRequest): ProcessIo {
  const path = `${CONSOLE_DIRECTORY}/console-${sys.getpid()}-${++consoles}.sock`;
  sys.mkdirAll(CONSOLE_DIRECTORY, 0o755);
  const listener = sys.listenUnix(path);
  const devNull = sys.open("/dev/null", sys.O.RDWR);
  const [input, output] = [new PendingEndpoint(), new PendingEndpoint()];
  hub.add(container, exec, "stdout", output);
  if (request.stdin) hub.add(container, exec, "stdin", input);
  const key = `${container}/${exec}`;
  const terminal = new Terminal();
  terminals.set(key, terminal);
  const master = receiveMaster(listener);
  const forget = () => {
    if (terminals.get(key) === terminal) terminals.delete(key);
  };
  // Whoever awaits it later still gets the rejection; without this an early one would be logged as unhandled.
  const received = master.received.then((fd) => {
    sys.setNonblock(fd, true);
    terminal.use(fd);
    output.become(new OutputEndpoint(fd, forget));
    // A descriptor of its own: closing the input must not close the output.
    if (request.stdin) input.become(new InputEndpoint(sys.dup(fd)));
  });
  received.catch(() => {});
  let open = true;
  const close = () => {
    if (!open) return;
    open = false;
    master.stop();
    sys.close(devNull);
    if (sys.exists(path)) sys.unlink(path);
  };
  return {
    options: { stdio: { stdin: devNull, stdout: devNull, stderr: devNull }, consoleSocket: path },
    async started() {
      try {
        await within(CONSOLE_TIMEOUT_MS, "get the terminal of the process", received);
      } finally {
        close();
      }
    },
    discard() {
      close();
      forget();
      hub.remove(container, exec);
    },
  };
}

/** The terminal of a process; a size that comes before it is kept for it. */
class Terminal {
  #master = -1;
  #size: [rows: number, columns: number] | undefined;

  use(master: number): void {
    this.#master = master;
    if (this.#size) sys.setWinsize(master, ...this.#size);
  }

  resize(rows: number, columns: number): void {
    if (this.#master >= 0) sys.setWinsize(this.#master, rows, columns);
    else this.#size = [rows, columns];
  }
}

/** Terminals of processes, for resizing. */
const terminals = new Map<string, Terminal>();

/** Tells a process how large its terminal is. @throws KuasarError FAILED_PRECONDITION where it has none */
export function resizeTerminal(container: string, exec: string, rows: number, columns: number): void {
  const terminal = terminals.get(`${container}/${exec}`);
  if (!terminal) throw new KuasarError("FAILED_PRECONDITION", "Cannot resize: the process has no terminal");
  terminal.resize(rows, columns);
}

/** Waits for the runtime's message with the descriptor. Owns `listener`. */
function receiveMaster(listener: number): { received: Promise<number>; stop(): void } {
  let connection = -1;
  let reject: (error: Error) => void;
  const received = new Promise<number>((resolve, fail) => {
    reject = fail;
    sys.watch(listener, sys.EPOLL.IN, () => {
      const accepted = sys.accept(listener);
      if (!accepted) return;
      sys.unwatch(listener);
      connection = accepted.fd;
      sys.watch(connection, sys.EPOLL.IN, () => {
        const message = sys.recvFds(connection, 4096);
        if (!message) return;
        sys.close(connection);
        connection = -1;
        const [master, ...rest] = message.fds;
        for (const fd of rest) sys.close(fd);
        if (master !== undefined) return resolve(master);
        fail(new KuasarError("INTERNAL", "Cannot get the terminal: the runtime sent none"));
      });
    });
  });
  return {
    received,
    stop() {
      sys.close(listener);
      if (connection >= 0) sys.close(connection);
      connection = -1;
      reject(new KuasarError("CANCELLED", "Cannot get the terminal: nobody waits for it any more"));
    },
  };
}
