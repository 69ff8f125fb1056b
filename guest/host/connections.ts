import type { ConnectionState, TtrpcServer } from "../../lib/ttrpc/mod.ts";
import * as sys from "../native/sys.js";
import { FdStream } from "../runtime/fd_stream.ts";
import { log } from "../runtime/log.ts";
import { CallTranscript } from "./call_transcript.ts";
import { ConnectionStream } from "./connection_stream.ts";
import type { DescriptorKeeper } from "./descriptor_keeper.ts";

/**
 * Calls that come to the same when they are carried out again. The others may have happened or not when the server was killed
 * over them; containerd is told so, and cleans up as after any failure.
 */
const REPEATABLE = new Set([
  ...[
    "Wait",
    "State",
    "Connect",
    "Pids",
    "Stats",
    "Kill",
    "Delete",
    "CloseIO",
    "ResizePty",
    "Update",
    "Shutdown",
  ],
  // It goes on from what it has remembered.
  "Stream",
  ...["WaitSandbox", "SandboxStatus", "Platform", "PingSandbox", "SandboxMetrics"],
]);

const keyOf = (name: string) => `connection/${name}`;

/**
 * The connections of containerd. To containerd the loss of one is the end of its container; where there is a keeper, none is lost
 * with the server: the next one goes on with their open calls.
 */
export class Connections {
  readonly #server: TtrpcServer;
  readonly #directory: string;
  readonly #keeper: DescriptorKeeper | undefined;

  /** @param directory for the transcripts of their calls */
  constructor(server: TtrpcServer, directory: string, keeper: DescriptorKeeper | undefined) {
    this.#server = server;
    this.#directory = directory;
    this.#keeper = keeper;
    sys.mkdirAll(directory, 0o700);
  }

  /** Serves a new connection, which is owned. */
  accept(fd: number): void {
    if (!this.#keeper) return void this.#server.serve(new FdStream(fd));
    const name = String(sys.fstat(fd).ino);
    try {
      this.#keeper.keep(keyOf(name), fd);
    } catch (error) {
      log.error("cannot have a connection kept, it would be lost with this server", { name, error });
    }
    void this.#serve(this.#keeper, name, fd);
  }

  /** Goes on with the connections of an earlier server; their containers must be known by now. */
  resume(): void {
    for (const { name } of sys.readdir(this.#directory)) {
      const path = `${this.#directory}/${name}`;
      const fd = this.#keeper?.take(keyOf(name)) ?? -1;
      const state = fd < 0 ? undefined : CallTranscript.load(path);
      if (state && this.#keeper) {
        log.info("connection taken over", { name, open: state.open.length });
        void this.#serve(this.#keeper, name, fd, state);
        continue;
      }
      if (fd >= 0) sys.close(fd);
      this.#keeper?.drop(keyOf(name));
      sys.unlink(path);
    }
  }

  async #serve(keeper: DescriptorKeeper, name: string, fd: number, state?: ConnectionState): Promise<void> {
    const transcript = new CallTranscript(`${this.#directory}/${name}`, state);
    const repeats = (_: string, method: string) => REPEATABLE.has(method);
    await this.#server.serve(new ConnectionStream(fd), { log: transcript, state, repeats });
    transcript.remove();
    keeper.drop(keyOf(name));
  }
}
