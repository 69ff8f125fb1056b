import { KuasarError } from "../../lib/errors/mod.ts";
import * as sys from "../native/sys.js";
import { log } from "../runtime/log.ts";
import type { Stdio } from "../task/runtime_call.ts";
import type { IoRequest, ProcessIo, StdioProvider } from "../task/stdio.ts";
import { Terminals } from "../task/terminal.ts";
import type { FileWatch } from "../task/watch_file.ts";
import type { Keeper } from "./keeper.ts";
import { isLogFile, openLogFile } from "./log_file.ts";
import { watchWriters } from "./writer_watch.ts";

/** An end of a process's input that could write: while we hold it, no writer's end is the end of the input. */
interface HeldInput {
  fd: number;
  /** Of a container without a pod. */
  watch?: FileWatch | undefined;
}

/**
 * The stdio of processes on the host: containerd's FIFOs are theirs, no byte passes through this program and nothing ends with it.
 *
 * Output is opened read-write: so it opens at once whether containerd reads or not, and survives a containerd that restarts;
 * containerd has its end of file when the last process has ended. Besides the input that the process reads we hold an end that
 * could write, so that a containerd that restarts is no end of file; CloseIO lets go of it. A container without a pod has no
 * containerd that holds its input but a client of its own (nerdctl, ctr, Docker's daemon), whose end it ends with: such a client
 * says CloseIO as soon as its input is over, and to nobody where that is before Create has been answered.
 *
 * The master of a terminal is kept twice, here and by the keeper: without one the terminal hangs up.
 */
export class FifoIo implements StdioProvider {
  readonly #directory: string;
  readonly #keeper: Keeper | undefined;
  readonly #terminals = new Terminals();
  readonly #inputs = new Map<string, HeldInput>();
  /** Containers without a pod. */
  readonly #alone = new Set<string>();

  /** @param directory for the sockets over which runtimes hand terminals to us */
  constructor(directory: string, keeper: Keeper | undefined) {
    this.#directory = directory;
    this.#keeper = keeper;
    try {
      // The first one opens what all are made in: when a process needs one there may be no descriptor left for that.
      sys.close(sys.openNull(sys.O.RDWR));
    } catch (error) {
      log.warn("cannot make a null device for processes without streams", { error });
    }
  }

  /** Says that a container is in no pod, until it is removed. */
  standsAlone(container: string): void {
    this.#alone.add(container);
  }

  make(container: string, exec: string, request: IoRequest): ProcessIo {
    return request.terminal ? this.#terminal(keyOf(container, exec)) : this.#fifos(container, exec, request);
  }

  /** Takes over the streams of a process of an earlier run. @param input false where it has ended */
  adopt(container: string, exec: string, request: IoRequest, input: boolean): void {
    const key = keyOf(container, exec);
    if (request.terminal) {
      const master = this.#keeper?.take(`terminal/${key}`) ?? -1;
      if (master >= 0) this.#terminals.adopt(key, master);
    } else if (input && request.stdin !== "" && !this.#alone.has(container)) {
      try {
        this.#inputs.set(key, { fd: sys.open(request.stdin, sys.O.WRONLY | sys.O.NONBLOCK) });
      } catch (error) {
        log.debug("nobody reads an input any more", { container, exec, error });
      }
    }
  }

  /** A descriptor of the terminal's master, owned by the caller. @throws KuasarError NOT_FOUND */
  openTerminal(container: string, exec: string): number {
    const master = this.#terminals.masterOf(keyOf(container, exec));
    if (master >= 0) return sys.dup(master);
    throw new KuasarError("NOT_FOUND", `Cannot open the terminal of ${container} ${exec}: there is none`);
  }

  closeStdin(container: string, exec: string): void {
    this.#letGo(keyOf(container, exec));
  }

  resize(container: string, exec: string, rows: number, columns: number): void {
    this.#terminals.resize(keyOf(container, exec), rows, columns);
  }

  remove(container: string, exec: string): void {
    const key = keyOf(container, exec);
    this.#letGo(key);
    if (exec === "") this.#alone.delete(container);
    const master = this.#terminals.masterOf(key);
    this.#terminals.forget(key);
    if (master < 0) return;
    sys.close(master);
    this.#keeper?.drop(`terminal/${key}`);
  }

  /**
   * The FIFOs are opened when the process is about to begin: a client that is not waiting yet for somebody to read its input
   * could hand over all of it, and tell of its end, before there is a process to tell it of.
   */
  #fifos(container: string, exec: string, request: IoRequest): ProcessIo {
    const key = keyOf(container, exec);
    const alone = this.#alone.has(container);
    for (const path of [request.stdin, request.stdout, request.stderr]) checkOutput(path);
    const childs: number[] = [];
    const own = (fd: number) => {
      childs.push(fd);
      return fd;
    };
    const closeChilds = () => childs.splice(0).forEach((fd) => sys.close(fd));
    let stdio: Stdio | undefined;
    const discard = () => {
      closeChilds();
      this.#letGo(key);
      if (exec === "") this.#alone.delete(container);
      if (!stdio) [request.stdin, request.stdout, request.stderr].forEach(endFifo);
    };
    const open = (): Stdio => {
      try {
        return {
          stdin: own(
            request.stdin === "" ? sys.openNull(sys.O.RDONLY) : this.#openInput(key, request.stdin, alone),
          ),
          stdout: own(openOutput(request.stdout)),
          stderr: own(openOutput(request.stderr)),
        };
      } catch (error) {
        discard();
        throw error;
      }
    };
    return {
      options: {
        get stdio() {
          return stdio ??= open();
        },
      },
      started: () => Promise.resolve(closeChilds()),
      discard,
    };
  }

  /** The reading end blocks, as programs expect. */
  #openInput(key: string, path: string, alone: boolean): number {
    // Before there is a reader, which lets a writer begin, and perhaps end.
    const watch = alone ? watchWriters(path, () => this.#letGo(key)) : undefined;
    let reader = -1;
    try {
      // Opening the blocking end waits for a writer, and opening a writing one without waiting fails where nobody reads.
      reader = sys.open(path, sys.O.RDONLY | sys.O.NONBLOCK);
      this.#inputs.set(key, { fd: sys.open(path, sys.O.WRONLY | sys.O.NONBLOCK), watch });
      return sys.open(path, sys.O.RDONLY);
    } catch (error) {
      watch?.close();
      throw error;
    } finally {
      if (reader >= 0) sys.close(reader);
    }
  }

  #letGo(key: string): void {
    const input = this.#inputs.get(key);
    if (!input) return;
    this.#inputs.delete(key);
    input.watch?.close();
    sys.close(input.fd);
  }

  #terminal(key: string): ProcessIo {
    return this.#terminals.make(
      key,
      this.#directory,
      (master) => this.#keeper?.keep(`terminal/${key}`, master),
    );
  }
}

function keyOf(container: string, exec: string): string {
  return `${container}/${exec}`;
}

function openOutput(path: string): number {
  if (path === "") return sys.openNull(sys.O.WRONLY);
  const file = openLogFile(path);
  if (file >= 0) return file;
  return sys.open(path, sys.O.RDWR);
}

function checkOutput(path: string): void {
  if (path !== "" && !isLogFile(path)) mustBeFifo(path);
}

/** Whoever waits for somebody to open the other end sees the stream's end. */
function endFifo(path: string): void {
  if (path === "" || isLogFile(path)) return;
  try {
    sys.close(sys.open(path, sys.O.RDWR | sys.O.NONBLOCK));
  } catch {
    // It has gone, and nobody can be waiting.
  }
}

function mustBeFifo(path: string): void {
  let type: string;
  try {
    type = sys.stat(path).type;
  } catch (cause) {
    throw new KuasarError("INVALID_ARGUMENT", `Cannot use ${path} for stdio: ${(cause as Error).message}`, {
      cause,
    });
  }
  if (type === "fifo") return;
  throw new KuasarError("INVALID_ARGUMENT", `Cannot use ${path} for stdio: it must be a FIFO, is a ${type}`);
}
