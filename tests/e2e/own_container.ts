import { hostTools } from "../../deploy/host/mod.ts";
import { type Node, type Pod, TASK_SERVER } from "../harness/mod.ts";
import { killAndWait } from "./kill_and_wait.ts";
import { type OwnTask, TaskConnection, writeBundle } from "./task_api.ts";

const WAIT_MS = 30_000;

/** As containerd asks for a container of a pod that has no process. */
const NAMESPACES = [
  { type: "mount" },
  { type: "pid" },
  ...["ipc", "uts", "network"].map((type) => ({
    type,
    path: `/proc/0/ns/${type === "network" ? "net" : type}`,
  })),
];

/** What has come out of a FIFO so far. */
class Output {
  readonly lines: string[] = [];
  readonly #done: Promise<void>;
  #changed = Promise.withResolvers<void>();

  constructor(path: string) {
    this.#done = this.#read(path);
  }

  async waitFor(text: string): Promise<void> {
    const end = Date.now() + WAIT_MS;
    while (!this.lines.some((line) => line.includes(text))) {
      if (Date.now() > end) {
        throw new Error(`${text} is not in the output: ${this.lines.slice(-5).join(" | ")}`);
      }
      const timer = setTimeout(() => this.#changed.resolve(), 1_000);
      await this.#changed.promise;
      clearTimeout(timer);
    }
  }

  /** Resolves at the end of the output. */
  get done(): Promise<void> {
    return this.#done;
  }

  async #read(path: string): Promise<void> {
    const file = await Deno.open(path, { read: true });
    let rest = "";
    for await (const chunk of file.readable.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + chunk).split("\n");
      rest = parts.pop()!;
      this.lines.push(...parts);
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    }
  }
}

/** A container of busybox that a test makes by the Task API itself, so that it can say what containerd has no words for. */
export class OwnContainer implements AsyncDisposable {
  readonly id: string;
  readonly output: Output;
  readonly #node: Node;
  readonly #own: OwnTask;
  readonly #rootfs: string;
  #connection: TaskConnection;

  private constructor(node: Node, own: OwnTask, rootfs: string, connection: TaskConnection) {
    this.id = own.id;
    this.#node = node;
    this.#own = own;
    this.#rootfs = rootfs;
    this.#connection = connection;
    this.output = new Output(own.stdout);
    // Nothing is expected there, but somebody must read it.
    void new Output(own.stderr);
  }

  /** Creates it in a pod; it waits to be started. */
  static async create(
    node: Node,
    pod: Pod,
    name: string,
    args: readonly string[],
    { terminal = false, checkpoint = "" } = {},
  ): Promise<OwnContainer> {
    const id = `${name}-${crypto.randomUUID().slice(0, 8)}`;
    const rootfs = `${node.runDir}/rootfs-${id}`;
    await Deno.mkdir(`${rootfs}/bin`, { recursive: true });
    await Deno.mkdir(`${rootfs}/tmp`);
    for (const program of ["busybox", "sh", "sleep", "nc", "true"]) {
      await Deno.link(hostTools().busyboxStatic, `${rootfs}/bin/${program}`)
        .catch(() => Deno.copyFile(hostTools().busyboxStatic, `${rootfs}/bin/${program}`));
    }
    const own = await writeBundle(node, pod, id, args, terminal, NAMESPACES);
    const container = new OwnContainer(node, own, rootfs, await TaskConnection.open(node));
    try {
      await container.task.create({
        id,
        bundle: own.bundle,
        rootfs: [{ type: "bind", source: rootfs, target: "", options: ["rbind", "rw"] }],
        terminal,
        stdin: "",
        stdout: own.stdout,
        stderr: terminal ? "" : own.stderr,
        checkpoint,
        parentCheckpoint: "",
        options: undefined,
      });
    } catch (error) {
      await container[Symbol.asyncDispose]();
      throw error;
    }
    return container;
  }

  get task(): TaskConnection["task"] {
    return this.#connection.task;
  }

  async start(): Promise<{ pid: number }> {
    return await this.task.start({ id: this.id, execId: "" });
  }

  /** Kills the task server and waits for the next one. */
  async restartServer(): Promise<void> {
    await killAndWait(this.#node, TASK_SERVER);
    await this.#connection.close();
    this.#connection = await TaskConnection.open(this.#node);
  }

  /** Ends it and takes everything of it away; it may be gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    const process = { id: this.id, execId: "" };
    await this.task.kill({ ...process, signal: 9, all: true }).catch(() => {});
    await this.task.wait(process).catch(() => {});
    await this.task.delete(process).catch(() => {});
    await this.#connection.close();
    await this.#own.remove();
    await Deno.remove(this.#rootfs, { recursive: true });
  }
}
