import { hostTools } from "../../deploy/host/mod.ts";

/** True where CRIU works with this kernel, else its reason. */
export async function criuUsable(program: string): Promise<true | string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args: ["check"] }).output();
  const decoder = new TextDecoder();
  return success || (decoder.decode(stdout) + decoder.decode(stderr)).trim().split("\n").at(-1)!;
}

/** A link to CRIU that a test can take away. */
export class LinkedCriu {
  readonly #dir = Deno.makeTempDirSync({ prefix: "criu-" });
  readonly path = `${this.#dir}/criu`;

  constructor() {
    Deno.symlinkSync(hostTools().criu, this.path);
    globalThis.addEventListener("unload", () => Deno.removeSync(this.#dir, { recursive: true }));
  }

  /** Runs something on a host that has none. */
  async without(run: () => Promise<void>): Promise<void> {
    await Deno.rename(this.path, `${this.path}.away`);
    try {
      await run();
    } finally {
      await Deno.rename(`${this.path}.away`, this.path);
    }
  }
}
