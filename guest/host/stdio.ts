import { asKuasarError } from "../../lib/errors/mod.ts";
import * as sys from "../native/sys.js";
import { sleep } from "../runtime/deadline.ts";
import { log } from "../runtime/log.ts";
import type { FileWatch } from "../task/watch_file.ts";
import type { DescriptorKeeper } from "./descriptor_keeper.ts";
import type { HostProcess } from "./host_process.ts";
import { openLogFile } from "./log_file.ts";
import type { SandboxLink } from "./sandbox_link.ts";
import { watchWriters } from "./writer_watch.ts";

/** Between two tries to open a stream in a guest that has had no time for it. */
const RETRY_MS = 100;

/** A program that reads a process's output. */
export interface LoggerRecord extends HostProcess {
  /** As containerd names the outputs. */
  stdout: string;
  stderr: string;
}

/** Where containerd's ends of a process's stdio are: FIFOs, or `file://` and a file; empty for a stream that is not wanted. */
export interface StdioPaths {
  stdin: string;
  stdout: string;
  stderr: string;
  terminal: boolean;
  /** What reads the FIFOs, where they are ours and not containerd's. */
  logger?: LoggerRecord;
}

/** The stdio of a process as containerd has named it. */
export function namedPaths({ logger, ...paths }: StdioPaths): StdioPaths {
  return logger ? { ...paths, stdout: logger.stdout, stderr: logger.stderr } : paths;
}

/** The streams that are wanted: a terminal has no stderr, though containerd names one. */
function wantedStreams(paths: StdioPaths): StreamName[] {
  return (["stdin", "stdout", "stderr"] as const).filter((name) =>
    paths[name] !== "" && !(name === "stderr" && paths.terminal)
  );
}

type StreamName = "stdin" | "stdout" | "stderr";

/**
 * Joins a process's FIFOs with its streams in the guest. No byte passes through this program's memory.
 *
 * Output: the FIFO is opened read-write. So it opens at once whether containerd reads or not, survives a containerd that
 * restarts (what it has not read waits in the pipe), and gives containerd its end of file when we close it.
 *
 * Input: besides the end that we read we hold one that could write, so that a containerd that restarts is no end of file.
 * CloseIO lets go of it; the end of file comes when containerd has closed its own as well. The client of a container without a
 * pod has nobody else that ends its input: when it has closed its own end, we let go of ours.
 *
 * Where there is a keeper, both ends of every stream outlive this server, and with them the bytes that are under way: the next
 * server joins them again.
 */
export class Stdio {
  /** The open descriptors, with the keys under which they are kept; empty for one that is not. */
  readonly #open = new Map<number, string>();
  readonly #keeper: DescriptorKeeper | undefined;
  readonly #alone: boolean;
  #stdinWriter = -1;
  #writerWatch: FileWatch | undefined;
  #closed = false;

  /** @param alone whether its container is in no pod */
  constructor(keeper?: DescriptorKeeper, alone = false) {
    this.#keeper = keeper;
    this.#alone = alone;
  }

  /**
   * Opens every stream, or takes over what an earlier server has left of it. A guest that is too busy is tried again as long as it
   * lives: what the process says would be lost. Other failures are logged and end that stream: the process must not hang for want
   * of a reader.
   *
   * @param onStdinEnd told when containerd's input has ended and all of it is on its way to the guest
   */
  async connect(
    link: SandboxLink,
    container: string,
    exec: string,
    paths: StdioPaths,
    onStdinEnd: () => void,
  ): Promise<void> {
    const names = wantedStreams(paths);
    await Promise.all(names.map(async (name) => {
      const key = `${name}/${container}/${exec || "-"}`;
      const fifo = this.#fifoOf(name, paths, key);
      if (fifo < 0) return;
      try {
        const stream = await this.#streamOf(link, container, exec, name, key);
        // It was closed while the stream was being opened.
        if (this.#closed) return this.#close(stream);
        this.#join(name, fifo, stream, name === "stdin" ? onStdinEnd : () => {});
      } catch (error) {
        // Where an earlier server has fetched all of a process that has ended, the guest has none.
        const expected = this.#closed || link.dead || asKuasarError(error).code === "NOT_FOUND";
        log[expected ? "debug" : "warn"]("no stream", { container, exec, name, error });
        this.#close(fifo);
      }
    }));
  }

  /** End of input after what containerd has written (Task.CloseIO). */
  closeStdin(): void {
    this.#writerWatch?.close();
    if (this.#stdinWriter < 0) return;
    this.#close(this.#stdinWriter);
    this.#stdinWriter = -1;
  }

  /** Closes all ends; containerd sees the end of its streams. */
  close(): void {
    this.#closed = true;
    this.#writerWatch?.close();
    for (const fd of [...this.#open.keys()]) this.#close(fd);
    this.#stdinWriter = -1;
  }

  /** containerd's end of a stream; -1 where it cannot be opened. */
  #fifoOf(name: StreamName, { terminal, [name]: path }: StdioPaths, key: string): number {
    const left = this.#takeOver(`${key}/fifo`);
    if (left >= 0) {
      // Without it the input had been closed.
      if (name === "stdin") this.#stdinWriter = this.#takeOver(`${key}/writer`);
      return left;
    }
    try {
      const file = openLogFile(path);
      if (file >= 0) return this.#hold(`${key}/fifo`, file);
      if (sys.stat(path).type !== "fifo") throw new Error(`${path} is no FIFO`);
      if (name !== "stdin") return this.#hold(`${key}/fifo`, sys.open(path, sys.O.RDWR | sys.O.NONBLOCK));
      // A terminal's may be left, and come back.
      const ends = this.#alone && !terminal;
      // Before there is a reader, which lets a writer begin, and perhaps end.
      if (ends) this.#writerWatch = watchWriters(path, () => this.closeStdin());
      const fd = this.#hold(`${key}/fifo`, sys.open(path, sys.O.RDONLY | sys.O.NONBLOCK));
      const writer = sys.open(path, sys.O.WRONLY | sys.O.NONBLOCK);
      // Kept for the next server, it would hide from that one that the client has gone meanwhile.
      this.#stdinWriter = ends ? this.#own(writer) : this.#hold(`${key}/writer`, writer);
      return fd;
    } catch (error) {
      log.warn("cannot open a FIFO", { path, error });
      return -1;
    }
  }

  /** The process's end of a stream. A local one ends with this server, so there is nothing to keep of it. */
  async #streamOf(
    link: SandboxLink,
    container: string,
    exec: string,
    name: StreamName,
    key: string,
  ): Promise<number> {
    const left = link.local ? -1 : this.#takeOver(`${key}/stream`);
    if (left >= 0) return left;
    const stream = await this.#openStream(link, container, exec, name);
    return link.local ? this.#own(stream) : this.#hold(`${key}/stream`, stream);
  }

  async #openStream(link: SandboxLink, container: string, exec: string, name: string): Promise<number> {
    for (let late = false;; late = true) {
      try {
        const stream = await link.openStream(container, exec, name);
        if (late) log.info("a stream is open at last", { container, exec, name });
        return stream;
      } catch (error) {
        const busy = ["UNAVAILABLE", "DEADLINE_EXCEEDED"].includes(asKuasarError(error).code);
        if (!busy || this.#closed || link.dead) throw error;
        if (!late) log.warn("cannot open a stream yet", { container, exec, name, error });
        await Promise.race([sleep(RETRY_MS), link.died]);
      }
    }
  }

  /** What an earlier server has left; -1 where there is nothing. */
  #takeOver(key: string): number {
    const fd = this.#keeper?.take(key) ?? -1;
    if (fd >= 0) this.#open.set(fd, key);
    return fd;
  }

  /** Open as long as this server is. */
  #own(fd: number): number {
    this.#open.set(fd, "");
    return fd;
  }

  #hold(key: string, fd: number): number {
    this.#open.set(fd, key);
    this.#keeper?.keep(key, fd);
    return fd;
  }

  #join(name: StreamName, fifo: number, stream: number, onEnd: () => void): void {
    const [from, to] = name === "stdin" ? [fifo, stream] : [stream, fifo];
    sys.relay(from, to, () => {
      this.#close(from);
      this.#close(to);
      onEnd();
    });
  }

  #close(fd: number): void {
    const key = this.#open.get(fd);
    if (key === undefined) return;
    this.#open.delete(fd);
    sys.close(fd);
    if (key !== "") this.#keeper?.drop(key);
  }
}
