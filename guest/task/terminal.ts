import { KuasarError } from "../../lib/errors/mod.ts";
import * as sys from "../native/sys.js";
import { within } from "../runtime/deadline.ts";
import type { ProcessIo } from "./stdio.ts";

const CONSOLE_TIMEOUT_MS = 10_000;

let consoles = 0;

/** The terminal of a process; a size that comes before it is kept for it. */
class Terminal {
  #master = -1;
  #size: [rows: number, columns: number] | undefined;

  /** The master, -1 before it is there. */
  get master(): number {
    return this.#master;
  }

  use(master: number): void {
    this.#master = master;
    if (this.#size) sys.setWinsize(master, ...this.#size);
  }

  resize(rows: number, columns: number): void {
    if (this.#master >= 0) sys.setWinsize(this.#master, rows, columns);
    else this.#size = [rows, columns];
  }
}

/** What happens with a terminal's master when it arrives. */
export type MasterReceiver = (master: number, forget: () => void) => void;

/** The terminals of processes, by `<container>/<exec>`. */
export class Terminals {
  readonly #terminals = new Map<string, Terminal>();

  /**
   * Has the runtime make a terminal for a process and hand over its master, made non-blocking.
   *
   * @param directory for the socket over which it comes
   * @param receive owns the master from then on; its `forget` is for when it is closed
   */
  make(key: string, directory: string, receive: MasterReceiver): ProcessIo {
    const path = `${directory}/tty-${sys.getpid()}-${++consoles}.sock`;
    const listener = sys.listenUnix(path);
    const nothing = sys.openNull(sys.O.RDWR);
    const terminal = new Terminal();
    this.#terminals.set(key, terminal);
    const forget = () => {
      if (this.#terminals.get(key) === terminal) this.#terminals.delete(key);
    };
    const sent = receiveMaster(listener);
    // Whoever awaits it later still gets the rejection; without this an early one would be logged as unhandled.
    const received = sent.received.then((master) => {
      sys.setNonblock(master, true);
      terminal.use(master);
      receive(master, forget);
    });
    received.catch(() => {});
    let open = true;
    const close = () => {
      if (!open) return;
      open = false;
      sent.stop();
      sys.close(nothing);
      if (sys.exists(path)) sys.unlink(path);
    };
    return {
      options: { stdio: { stdin: nothing, stdout: nothing, stderr: nothing }, consoleSocket: path },
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
      },
    };
  }

  /** Takes over a terminal that exists. */
  adopt(key: string, master: number): void {
    const terminal = new Terminal();
    terminal.use(master);
    this.#terminals.set(key, terminal);
  }

  /** The master of a terminal, -1 where there is none. */
  masterOf(key: string): number {
    return this.#terminals.get(key)?.master ?? -1;
  }

  forget(key: string): void {
    this.#terminals.delete(key);
  }

  /** @throws KuasarError FAILED_PRECONDITION where there is no terminal */
  resize(key: string, rows: number, columns: number): void {
    const terminal = this.#terminals.get(key);
    if (!terminal) throw new KuasarError("FAILED_PRECONDITION", "Cannot resize: the process has no terminal");
    terminal.resize(rows, columns);
  }
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
