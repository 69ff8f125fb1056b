import { RestClient } from "../../../drivers/contract/rest/client.ts";
import { waitForFile } from "../../../drivers/contract/wait_for_file.ts";
import { programUnderTest } from "../mod.ts";

const TIMEOUT_MS = 20_000;

/** What a request is answered with. */
export interface Answer {
  status: number;
  /** Of a refusal. */
  fault: string;
  value: Record<string, unknown>;
}

/** A Firecracker process, real or not, in a directory of its own. */
export class Program {
  readonly dir: string;
  readonly #child: Deno.ChildProcess;
  readonly #client: RestClient;

  private constructor(dir: string, child: Deno.ChildProcess) {
    this.dir = dir;
    this.#child = child;
    this.#client = new RestClient("Firecracker", `${dir}/api.sock`);
  }

  /** Starts one; `run` gets it and it is gone afterwards. */
  static async with(args: readonly string[], run: (program: Program) => Promise<void>): Promise<void> {
    const dir = await Deno.makeTempDir({ dir: "/run", prefix: "kfc" });
    const { path } = (await programUnderTest("firecracker"))!;
    const child = new Deno.Command(path, {
      args: ["--api-sock", `${dir}/api.sock`, "--no-seccomp", ...args],
      cwd: dir,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const program = new Program(dir, child);
    try {
      await waitForFile(`${dir}/api.sock`, TIMEOUT_MS);
      await program.#serving();
      await run(program);
    } finally {
      program.#client.close();
      endChild(child);
      await child.status;
      await Deno.remove(dir, { recursive: true });
    }
  }

  /** The socket is there a moment before somebody listens. */
  async #serving(): Promise<void> {
    for (const until = performance.now() + TIMEOUT_MS;;) {
      try {
        await this.ask("GET", "/");
        return;
      } catch (error) {
        if (performance.now() > until) throw error;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
  }

  /** Sends a request. */
  async ask(method: "GET" | "PUT" | "PATCH" | "DELETE", path: string, body?: unknown): Promise<Answer> {
    const { status, body: text } = await this.#client.request({ method, path, body }, TIMEOUT_MS);
    const value = text === "" ? {} : JSON.parse(text) as Record<string, unknown>;
    return { status, fault: String(value.fault_message ?? ""), value };
  }

  /** Makes a file of so many bytes. */
  file(name: string, bytes = 0): string {
    const path = `${this.dir}/${name}`;
    Deno.writeFileSync(path, new Uint8Array(bytes));
    return path;
  }

  /** Settles with the exit code. */
  get ended(): Promise<number> {
    return this.#child.status.then(({ code }) => code);
  }
}

function endChild(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
