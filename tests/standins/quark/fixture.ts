import { Buffer } from "node:buffer";
import { strictEqual } from "node:assert/strict";
import { hostTools } from "../../../deploy/host/mod.ts";
import { untilServing } from "../../../drivers/quark/serving.ts";
import { waitForFile } from "../../../drivers/contract/wait_for_file.ts";
import { bindMount, openPath, unmountBelow } from "../../../lib/mounts/mod.ts";
import { TaskDefinition } from "../../../lib/proto/gen/containerd/task/v3/task.ts";
import { connectUnix } from "../../../lib/transport/mod.ts";
import { createClient, TtrpcClient, type TypedClient } from "../../../lib/ttrpc/mod.ts";
import { exampleConfig } from "./example_config.ts";
import { buildQuark } from "./launcher.ts";

const TIMEOUT_MS = 10_000;

/** A run of the stand-in's verb `sandbox` in a folder of its own. */
export class QuarkSandbox implements AsyncDisposable {
  readonly folder = Deno.realPathSync(Deno.makeTempDirSync({ dir: "/run", prefix: "kq" }));
  #client: TtrpcClient | undefined;

  get bundle(): string {
    return `${this.folder}/bundle`;
  }

  get pidFile(): string {
    return `${this.folder}/pid`;
  }

  get socket(): string {
    return `${this.folder}/task.sock`;
  }

  constructor(config: unknown = exampleConfig()) {
    Deno.mkdirSync(this.bundle);
    Deno.writeTextFileSync(`${this.folder}/quark.json`, JSON.stringify(config));
    const spec = {
      ociVersion: "1.0.2",
      linux: { namespaces: [{ type: "network" }, { type: "uts" }, { type: "pid" }] },
    };
    Deno.writeTextFileSync(`${this.bundle}/config.json`, JSON.stringify(spec));
  }

  /** Runs the program to the end of the process that was started. */
  async run(args?: string[], cwd = this.bundle): Promise<{ code: number; output: string }> {
    const line = [
      "-r",
      this.bundle,
      "sandbox",
      "--id",
      "s1",
      "--task-socket",
      this.socket,
      "--pid-file",
      this.pidFile,
    ];
    const { code, stdout, stderr } = await new Deno.Command(await buildQuark(), {
      args: args ?? line,
      cwd,
      env: {
        QUARK_STANDIN_CONFIG: `${this.folder}/quark.json`,
        QUARK_STANDIN_LOG: `${this.folder}/quark.log`,
      },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
    return { code, output: new TextDecoder().decode(Buffer.concat([stdout, stderr])) };
  }

  get pid(): number {
    return Number(Deno.readTextFileSync(this.pidFile));
  }

  /** Starts the sandbox and connects to its task socket. */
  async start(): Promise<TypedClient<typeof TaskDefinition>> {
    strictEqual((await this.run()).code, 0, this.log());
    await waitForFile(this.socket, TIMEOUT_MS);
    await untilServing(this.socket, TIMEOUT_MS, () => true);
    this.#client = new TtrpcClient(await connectUnix(this.socket, { timeoutMs: TIMEOUT_MS }));
    return createClient(TaskDefinition, this.#client, {
      fullName: "containerd.task.v2.Task",
      timeoutMs: TIMEOUT_MS,
    });
  }

  /** The same service under its newer name. */
  get v3(): TypedClient<typeof TaskDefinition> {
    return createClient(TaskDefinition, this.#client!, { timeoutMs: TIMEOUT_MS });
  }

  /** Makes a container ready as a driver does, after the sandbox has started. @returns the request for its Create */
  async prepare(id: string, args: string[], mounts: unknown[] = []) {
    const folder = `${this.bundle}/${id}`;
    const source = `${this.folder}/image`;
    await Deno.mkdir(`${source}/bin`, { recursive: true });
    await Deno.mkdir(`${source}/proc`, { recursive: true });
    await Deno.copyFile(hostTools().busyboxStatic, `${source}/bin/busybox`);
    await Deno.symlink("busybox", `${source}/bin/sh`).catch(() => {});
    await Deno.mkdir(`${folder}/rootfs`, { recursive: true });
    using image = openPath(source);
    bindMount(image, `${folder}/rootfs`, { propagation: "shared" });
    const spec = {
      ociVersion: "1.0.2",
      process: { args, cwd: "/", env: ["PATH=/bin"], user: { uid: 0, gid: 0 } },
      root: { path: "rootfs" },
      mounts: [{ destination: "/proc", type: "proc", source: "proc" }, ...mounts],
    };
    await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(spec));
    await new Deno.Command("mkfifo", { args: [`${folder}/stdout`] }).output();
    return {
      id,
      bundle: "/not/looked/at",
      rootfs: [],
      terminal: false,
      stdin: "",
      stdout: `/${id}/stdout`,
      stderr: "",
      checkpoint: "",
      parentCheckpoint: "",
      options: undefined,
      runtimePath: "",
    };
  }

  /** All that a container writes. */
  async output(id: string, file = "stdout"): Promise<string> {
    return await Deno.readTextFile(`${this.bundle}/${id}/${file}`);
  }

  log(): string {
    try {
      return Deno.readTextFileSync(`${this.folder}/quark.log`);
    } catch {
      return "";
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client?.close();
    try {
      Deno.kill(this.pid, "SIGKILL");
    } catch {
      // It never ran, or is gone.
    }
    unmountBelow(this.folder);
    await Deno.remove(this.folder, { recursive: true });
  }
}
