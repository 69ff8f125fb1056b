import * as sys from "../native/sys.js";
import { log } from "../runtime/log.ts";
import type { SandboxLink } from "./sandbox_link.ts";

/** Where containerd's ends of a process's stdio are; empty for a stream that is not wanted. */
export interface StdioPaths {
  stdin: string;
  stdout: string;
  stderr: string;
  terminal: boolean;
}

/** The streams that are wanted: a terminal has no stderr, though containerd names one. */
export function wantedStreams(paths: StdioPaths): ("stdin" | "stdout" | "stderr")[] {
  return (["stdin", "stdout", "stderr"] as const).filter((name) =>
    paths[name] !== "" && !(name === "stderr" && paths.terminal)
  );
}

/**
 * Joins a process's FIFOs with its streams in the guest. No byte passes through this program's memory.
 *
 * Output: the FIFO is opened read-write. So it opens at once whether containerd reads or not, survives a containerd that
 * restarts (what it has not read waits in the pipe), and gives containerd its end of file when we close it.
 *
 * Input: besides the end that we read we hold one that could write, so that a containerd that restarts is no end of file.
 * CloseIO lets go of it; the end of file comes when containerd has closed its own as well.
 */
export class Stdio {
  readonly #open = new Set<number>();
  #stdinWriter = -1;
  #closed = false;

  /**
   * Opens every stream. Failures are logged and end that stream: the process must not hang for want of a reader.
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
      const fifo = this.#openFifo(paths[name], name === "stdin");
      if (fifo < 0) return;
      try {
        const stream = await link.openStream(container, exec, name);
        this.#open.add(stream);
        // It was closed while the stream was being opened.
        if (this.#closed) return this.#close(stream);
        if (name === "stdin") this.#join(fifo, stream, onStdinEnd);
        else this.#join(stream, fifo, () => {});
      } catch (error) {
        log.debug("no stream", { container, exec, name, error });
        this.#close(fifo);
      }
    }));
  }

  /** End of input after what containerd has written (Task.CloseIO). */
  closeStdin(): void {
    if (this.#stdinWriter < 0) return;
    this.#close(this.#stdinWriter);
    this.#stdinWriter = -1;
  }

  /** Closes all ends; containerd sees the end of its streams. */
  close(): void {
    this.#closed = true;
    for (const fd of [...this.#open]) this.#close(fd);
    this.#stdinWriter = -1;
  }

  #openFifo(path: string, input: boolean): number {
    try {
      if (sys.stat(path).type !== "fifo") throw new Error(`${path} is no FIFO`);
      const fd = sys.open(path, (input ? sys.O.RDONLY : sys.O.RDWR) | sys.O.NONBLOCK);
      this.#open.add(fd);
      if (input) {
        this.#stdinWriter = sys.open(path, sys.O.WRONLY | sys.O.NONBLOCK);
        this.#open.add(this.#stdinWriter);
      }
      return fd;
    } catch (error) {
      log.warn("cannot open a FIFO", { path, error });
      return -1;
    }
  }

  #join(from: number, to: number, onEnd: () => void): void {
    sys.relay(from, to, () => {
      this.#close(from);
      this.#close(to);
      onEnd();
    });
  }

  #close(fd: number): void {
    if (!this.#open.delete(fd)) return;
    sys.close(fd);
  }
}
