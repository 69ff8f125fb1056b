import type { ProcessSpec } from "../../deploy/supervisor/mod.ts";
import { ERRNO } from "../../lib/libc/mod.ts";
import { staticProgram } from "./static_program.ts";

/** What fails: taking connections, opening files and sockets, starting processes and threads. */
export const STARVED_CALLS = { accept: 1, open: 2, spawn: 3 } as const;
export type StarvedCall = keyof typeof STARVED_CALLS;

/** Errors of a host that has no files or no memory left. */
export type Want = "ENFILE" | "ENOMEM";

/** Lets calls of a node's processes fail as if the host had run out of something, see `programs/starve.c`. */
export class Starvation {
  readonly #program: string;
  readonly #directory: string;

  private constructor(program: string, directory: string) {
    this.#program = program;
    this.#directory = directory;
  }

  /** @param directory for files of its own; it must exist as long as the node */
  static async in(directory: string): Promise<Starvation> {
    return new Starvation(await staticProgram("starve"), directory);
  }

  /** How a process is started that can be starved. */
  launch(spec: ProcessSpec): ProcessSpec {
    const control = this.#control(spec.name);
    Deno.writeFileSync(control, new Uint8Array(16));
    return { ...spec, command: this.#program, args: [control, spec.command, ...spec.args] };
  }

  /** From now on such calls of a process fail. @param name that it was launched under */
  begin(name: string, pid: number, call: StarvedCall, want: Want): void {
    const numbers = Uint32Array.of(pid, STARVED_CALLS[call], ERRNO[want], 0);
    this.#write(name, new Uint8Array(numbers.buffer));
  }

  /** They work again. */
  end(name: string): void {
    this.#write(name, new Uint8Array(4));
  }

  /** How many calls have failed since the beginning. */
  failed(name: string): number {
    return new DataView(Deno.readFileSync(this.#control(name)).buffer).getUint32(12, true);
  }

  #control(name: string): string {
    return `${this.#directory}/${name}`;
  }

  /** In place: the file is mapped by the helper. */
  #write(name: string, bytes: Uint8Array): void {
    using file = Deno.openSync(this.#control(name), { write: true });
    file.writeSync(bytes);
  }
}
