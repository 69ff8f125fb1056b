import * as sys from "../native/sys.js";
import { InputEndpoint, OutputEndpoint, PendingEndpoint, type StreamHub } from "../stream/mod.ts";
import type { Stdio } from "./runtime_call.ts";
import type { IoRequest, ProcessIo, StdioProvider } from "./stdio.ts";
import { Terminals } from "./terminal.ts";

/** The stdio of processes in a guest: pipes and terminals whose other ends the host opens as streams. */
export class StreamIo implements StdioProvider {
  readonly #hub: StreamHub;
  readonly #directory: string;
  readonly #terminals = new Terminals();

  /** @param directory for the sockets over which the runtime hands terminals to us */
  constructor(hub: StreamHub, directory: string) {
    this.#hub = hub;
    this.#directory = directory;
  }

  /** The host can open the streams from the beginning. */
  make(container: string, exec: string, request: IoRequest): ProcessIo {
    return request.terminal
      ? this.#terminal(container, exec, request)
      : this.#pipes(container, exec, request);
  }

  closeStdin(container: string, exec: string): void {
    this.#hub.closeStdin(container, exec);
  }

  resize(container: string, exec: string, rows: number, columns: number): void {
    this.#terminals.resize(`${container}/${exec}`, rows, columns);
  }

  remove(container: string, exec: string): void {
    this.#hub.remove(container, exec);
  }

  /** Pipes: the child's ends block, as programs expect; ours do not. */
  #pipes(container: string, exec: string, request: IoRequest): ProcessIo {
    const hub = this.#hub;
    const childs: number[] = [];
    const childEnd = (name: keyof Stdio): number => {
      if (request[name] === "") return sys.openNull(sys.O.RDWR);
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
  #terminal(container: string, exec: string, request: IoRequest): ProcessIo {
    sys.mkdirAll(this.#directory, 0o755);
    const [input, output] = [new PendingEndpoint(), new PendingEndpoint()];
    const io = this.#terminals.make(`${container}/${exec}`, this.#directory, (master, forget) => {
      output.become(new OutputEndpoint(master, forget));
      // A descriptor of its own: closing the input must not close the output.
      if (request.stdin !== "") input.become(new InputEndpoint(sys.dup(master)));
    });
    this.#hub.add(container, exec, "stdout", output);
    if (request.stdin !== "") this.#hub.add(container, exec, "stdin", input);
    return {
      options: io.options,
      started: () => io.started(),
      discard: () => {
        io.discard();
        this.#hub.remove(container, exec);
      },
    };
  }
}
