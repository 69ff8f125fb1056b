import { mountsWithin, parseMountinfo } from "../../lib/mounts/mod.ts";

/** A process in a mount namespace of its own, which hears of the mounts that the host shares, as services of systemd do. */
export class MountNamespace implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #runDir: string;

  private constructor(process: Deno.ChildProcess, runDir: string) {
    this.#process = process;
    this.#runDir = runDir;
  }

  static async start(runDir: string): Promise<MountNamespace> {
    const process = new Deno.Command("unshare", {
      args: ["--mount", "--propagation", "slave", "sh", "-c", "echo made; exec cat"],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const reader = process.stdout.getReader();
    await reader.read();
    await reader.cancel();
    return new MountNamespace(process, runDir);
  }

  /** The mount points in it that are ours and of this sandbox. */
  mountsOf(sandboxId: string): string[] {
    const text = Deno.readTextFileSync(`/proc/${this.#process.pid}/mountinfo`);
    return mountsWithin(parseMountinfo(text), this.#runDir)
      .map(({ mountPoint }) => mountPoint.slice(this.#runDir.length))
      .filter((path) => /^\/(?:storage|driver-)/.test(path) && path.includes(sandboxId));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.stdin.close().catch(() => {});
    await this.#process.status;
  }
}
