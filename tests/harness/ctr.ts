import type { CommandResult } from "./command_line.ts";
import { PATIENCE_MS } from "./patience.ts";

/**
 * What is written to stdin, which then ends, when stdout has shown `after`: ctr forgets an end of input that comes before
 * it has created the task. Without `after` it is written at once.
 */
export interface Input {
  after?: string;
  text: string;
}

/** containerd's command line client, which knows tasks and no pods. */
export class Ctr {
  readonly #program: string;
  readonly #global: readonly string[];

  constructor(program: string, address: string, namespace: string) {
    this.#program = program;
    this.#global = ["--address", address, "--namespace", namespace];
  }

  /** Runs a command to its end. ctr itself waits for ever: it is killed after {@link PATIENCE_MS}, which its code shows. */
  async run(args: readonly string[], input?: Input): Promise<CommandResult> {
    const child = new Deno.Command(this.#program, {
      args: [...this.#global, ...args],
      stdin: input === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
    try {
      const [stdout, stderr] = await Promise.all([
        this.#read(child.stdout, input && { input, stdin: child.stdin }),
        this.#read(child.stderr),
      ]);
      return { code: (await child.status).code, stdout, stderr };
    } finally {
      clearTimeout(timer);
    }
  }

  async #read(
    stream: ReadableStream<Uint8Array<ArrayBuffer>>,
    feed?: { input: Input; stdin: WritableStream<Uint8Array> },
  ): Promise<string> {
    let text = "";
    let fed = false;
    const writeAll = async ({ input, stdin }: NonNullable<typeof feed>) => {
      fed = true;
      await new Blob([input.text]).stream().pipeTo(stdin);
    };
    if (feed && feed.input.after === undefined) await writeAll(feed);
    for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (feed && !fed && text.includes(feed.input.after!)) await writeAll(feed);
    }
    if (feed && !fed) await feed.stdin.close();
    return text;
  }
}
