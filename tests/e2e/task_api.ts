import { TaskDefinition } from "../../lib/proto/gen/containerd/task/v3/task.ts";
import { connectUnix } from "../../lib/transport/mod.ts";
import { createClient, TtrpcClient, type TypedClient } from "../../lib/ttrpc/mod.ts";
import type { Node, Pod } from "../harness/mod.ts";

const TIMEOUT_MS = 30_000;

/** containerd.task.v3 Status. */
export const STATUS = { created: 1, running: 2, stopped: 3 } as const;

/** A connection to the task server, as containerd makes one for each container. */
export class TaskConnection {
  readonly #client: TtrpcClient;
  readonly task: TypedClient<typeof TaskDefinition>;

  private constructor(client: TtrpcClient, fullName: string) {
    this.#client = client;
    this.task = createClient(TaskDefinition, client, { timeoutMs: TIMEOUT_MS, fullName });
  }

  static async open(node: Node, fullName: string = TaskDefinition.fullName): Promise<TaskConnection> {
    const stream = await connectUnix(`${node.runDir}/task.sock`, { timeoutMs: TIMEOUT_MS });
    return new TaskConnection(new TtrpcClient(stream), fullName);
  }

  async close(): Promise<void> {
    this.#client.close();
    await this.#client.closed;
  }
}

/** What a task of one's own is made from, and what takes it away again. */
export interface OwnTask {
  id: string;
  bundle: string;
  /** FIFOs as containerd makes them. */
  stdout: string;
  stderr: string;
  remove(): Promise<void>;
}

/** Writes the bundle of a task in a pod. */
export async function writeBundle(
  node: Node,
  pod: Pod,
  id: string,
  args: readonly string[],
  terminal = false,
  namespaces: readonly { type: string; path?: string }[] = [{ type: "mount" }, { type: "pid" }],
): Promise<OwnTask> {
  const bundle = `${node.runDir}/bundles/${id}`;
  await Deno.mkdir(`${bundle}/rootfs`, { recursive: true });
  await Deno.writeTextFile(`${bundle}/sandbox`, pod.id);
  await Deno.writeTextFile(`${bundle}/config.json`, JSON.stringify(specOf(id, args, terminal, namespaces)));
  const [stdout, stderr] = [`${bundle}/stdout`, `${bundle}/stderr`];
  const { success } = await new Deno.Command("mkfifo", { args: [stdout, stderr] }).output();
  if (!success) throw new Error(`Cannot make FIFOs in ${bundle}`);
  return { id, bundle, stdout, stderr, remove: () => Deno.remove(bundle, { recursive: true }) };
}

function specOf(id: string, args: readonly string[], terminal: boolean, namespaces: readonly unknown[]) {
  return {
    ociVersion: "1.2.1",
    process: { terminal, user: { uid: 0, gid: 0 }, args, env: ["PATH=/bin"], cwd: "/" },
    root: { path: "rootfs" },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755", "size=65536k"] },
      {
        destination: "/dev/pts",
        type: "devpts",
        source: "devpts",
        options: ["newinstance", "ptmxmode=0666"],
      },
    ],
    linux: { cgroupsPath: `/kuasar/${id}`, namespaces },
  };
}
