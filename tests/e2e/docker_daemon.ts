import { hostTools } from "../../deploy/host/mod.ts";
import { type Docker, installDocker } from "../../deploy/host/docker.ts";
import { shimRuntimeType } from "../../deploy/containerd/mod.ts";
import { waitForFile } from "../../drivers/contract/wait_for_file.ts";
import { type CommandResult, type Node, PATIENCE_MS, runCommandLine } from "../harness/mod.ts";

/** Docker's daemon on a node's containerd, with our runtime as one of its own and without networks. */
export class DockerDaemon {
  readonly #docker: Docker;
  readonly #dir: string;
  readonly #process: Deno.ChildProcess;

  private constructor(docker: Docker, dir: string, process: Deno.ChildProcess) {
    this.#docker = docker;
    this.#dir = dir;
    this.#process = process;
  }

  /** Fetches Docker where it is not there yet, and starts it. */
  static async start(node: Node): Promise<DockerDaemon> {
    const docker = await installDocker();
    const dir = `${node.runDir}/docker`;
    await Deno.mkdir(dir, { recursive: true });
    await Deno.writeTextFile(
      `${dir}/daemon.json`,
      JSON.stringify({ runtimes: { [node.handler]: { runtimeType: shimRuntimeType(node.handler) } } }),
    );
    const runc = hostTools().runc;
    const process = new Deno.Command(docker.dockerd, {
      args: [
        ...["--config-file", `${dir}/daemon.json`, "--containerd", node.containerdAddress],
        ...["--data-root", `${dir}/data`, "--exec-root", `${dir}/exec`, "--pidfile", `${dir}/pid`],
        ...["--host", `unix://${dir}/sock`, "--bridge=none", "--iptables=false", "--ip6tables=false"],
        ...["--userland-proxy=false", "--storage-driver", "overlay2"],
      ],
      env: { PATH: `${runc.slice(0, runc.lastIndexOf("/"))}:${Deno.env.get("PATH")}` },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const daemon = new DockerDaemon(docker, dir, process);
    try {
      await waitForFile(`${dir}/sock`, PATIENCE_MS);
      return daemon;
    } catch (error) {
      try {
        process.kill("SIGKILL");
      } catch {
        // It has ended by itself.
      }
      throw error;
    }
  }

  /** Runs Docker's command line. It is ended after a while, which its code 124 shows. */
  call(args: readonly string[], stdin?: string): Promise<CommandResult> {
    const command = [this.#docker.docker, "--host", `unix://${this.#dir}/sock`, ...args];
    return runCommandLine(command, { HOME: this.#dir }, stdin);
  }

  /** Makes an image whose programs are busybox's. */
  async importBusybox(name: string): Promise<void> {
    const rootfs = `${this.#dir}/rootfs`;
    await Deno.mkdir(`${rootfs}/bin`, { recursive: true });
    await Deno.copyFile(hostTools().busyboxStatic, `${rootfs}/bin/busybox`);
    for (const program of ["sh", "cat", "sleep", "echo", "uname", "true"]) {
      await Deno.symlink("busybox", `${rootfs}/bin/${program}`);
    }
    const archive = `${this.#dir}/rootfs.tar`;
    const { code } = await new Deno.Command("tar", { args: ["-cf", archive, "-C", rootfs, "."] }).output();
    const imported = await this.call(["import", archive, name]);
    if (code !== 0 || imported.code !== 0) throw new Error(`Cannot import an image: ${imported.stderr}`);
  }

  /** Ends the daemon; its containers are removed before. */
  async stop(): Promise<void> {
    const { stdout } = await this.call(["ps", "-aq"]);
    const ids = stdout.split("\n").filter(Boolean);
    if (ids.length > 0) await this.call(["rm", "-f", ...ids]);
    this.#process.kill("SIGTERM");
    await this.#process.status;
  }
}
