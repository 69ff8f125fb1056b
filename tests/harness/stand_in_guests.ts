/** kuasar-task as a process, with guests that are played by this one: what it does with a guest that is not as it should be. */
import { buildDir } from "../../lib/build/mod.ts";
import { Metrics } from "../../lib/proto/gen/cgroups/v2.ts";
import { TaskDefinition } from "../../lib/proto/gen/containerd/task/v3/task.ts";
import {
  PrepareContainerResponse,
  PrepareDefinition,
} from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import { Request } from "../../lib/proto/gen/ttrpc/ttrpc.ts";
import { connectUnix, type Listener, listenUnix } from "../../lib/transport/mod.ts";
import {
  type ByteStream,
  createClient,
  encodeHeader,
  FRAME_TYPE,
  TtrpcClient,
  TtrpcServer,
  type TypedClient,
} from "../../lib/ttrpc/mod.ts";
import { encodeOk } from "../../lib/ttrpc/envelope.ts";
import { FrameReader } from "../../lib/ttrpc/frame_reader.ts";
import { concat } from "../../lib/ttrpc/testing/stream_pair.ts";

const TIMEOUT_MS = 120_000;

/** A call that a guest is asked. */
export interface GuestCall {
  /** `Create`, `Stats`, `GetEvents`. */
  method: string;
  /** Sends a frame: bytes of a body, of which its header announces `length`. */
  send(body: Uint8Array, options?: { length?: number; streamId?: number; type?: number }): Promise<void>;
  /** Answers with a message. */
  answer(message: Uint8Array): Promise<void>;
}

/** How a guest answers; a call that it does nothing about waits. */
export type GuestManner = (call: GuestCall) => Promise<void>;

/** What every guest must do to have a container: it is made, and some statistics of it are told. */
export const mannerly: GuestManner = async ({ method, answer }) => {
  if (method === "Create") await answer(Uint8Array.of(0x08, 1));
  if (method === "Exec" || method === "Kill" || method === "Delete") await answer(new Uint8Array());
  if (method === "Stats") {
    const value = Metrics.encode(Metrics.decode(new Uint8Array())).finish();
    await answer(statsAnswer(value));
  }
};

/** A StatsResponse around encoded metrics. */
export function statsAnswer(value: Uint8Array): Uint8Array {
  return TaskDefinition.methods.stats.responseType.encode({ stats: { typeUrl: "x", value } }).finish();
}

/** A task server and the guests that it knows of. */
export class StandInGuests {
  readonly task: TypedClient<typeof TaskDefinition>;
  readonly machines: Machines;
  readonly #dir: string;
  readonly #client: TtrpcClient;
  /** What is to be closed behind the server. */
  readonly listeners: Listener[];

  private constructor(dir: string, client: TtrpcClient, prepare: Listener, machines: Machines) {
    this.machines = machines;
    this.#dir = dir;
    this.#client = client;
    this.listeners = [prepare];
    this.task = createClient(TaskDefinition, client, { timeoutMs: TIMEOUT_MS });
  }

  /** Runs `use` with a server of its own. */
  static async run(use: (guests: StandInGuests) => Promise<void>): Promise<void> {
    const dir = await Deno.makeTempDir({ dir: "/run", prefix: "ksg" });
    const machines = new Machines();
    const prepare = await servePrepare(dir, machines);
    const keeper = new Deno.Command("/bin/sh", {
      args: ["-c", 'exec "$0" "$@" 2> "$LOG"', `${buildDir}/guest/kuasar-task`, "--run-dir", dir],
      env: { LOG: `${dir}/log` },
      ...{ stdin: "null", stdout: "null", stderr: "null" },
    }).spawn();
    let guests: StandInGuests | undefined;
    try {
      const client = new TtrpcClient(await connected(`${dir}/task.sock`));
      guests = new StandInGuests(dir, client, prepare, machines);
      await use(guests);
    } finally {
      guests?.disconnect();
      keeper.kill("SIGTERM");
      await keeper.status;
      for (const listener of guests?.listeners ?? [prepare]) await listener.close();
      await machines.close();
      await Deno.remove(dir, { recursive: true });
    }
  }

  /** Adds a sandbox with a guest, and makes a container of the same name in it. */
  async add(name: string, manner: GuestManner, options: { machine?: boolean } = {}): Promise<void> {
    if (options.machine) this.machines.start(name);
    const listener = await listenUnix({ path: `${this.#dir}/${name}.vsock` }, (stream) => {
      serveGuest(stream, manner).catch(() => {}).finally(() => stream.close());
    });
    this.listeners.push(listener);
    const bundle = `${this.#dir}/bundle-${name}`;
    await Deno.mkdir(bundle);
    await Deno.writeTextFile(`${bundle}/sandbox`, name);
    await this.task.create({
      ...{ id: name, bundle, rootfs: [], terminal: false, stdin: "", stdout: "", stderr: "" },
      ...{ checkpoint: "", parentCheckpoint: "", options: undefined },
    });
  }

  /** A second connection, as containerd has several. */
  async connect(): Promise<TtrpcClient> {
    return new TtrpcClient(await connected(`${this.#dir}/task.sock`));
  }

  /** Lines that the server has logged. */
  async log(): Promise<string[]> {
    return (await Deno.readTextFile(`${this.#dir}/log`)).trim().split("\n");
  }

  disconnect(): void {
    this.#client.close();
  }
}

/** The processes that are the VMs of guests, of those that shall have one of their own. */
class Machines {
  readonly #children = new Map<string, Deno.ChildProcess>();
  /** Sandboxes whose end was asked for, with the reason. */
  readonly ended: string[] = [];

  start(sandboxId: string): void {
    this.#children.set(sandboxId, new Deno.Command("/bin/sleep", { args: ["100000"] }).spawn());
  }

  pidOf(sandboxId: string): number {
    return this.#children.get(sandboxId)?.pid ?? Deno.pid;
  }

  async end(sandboxId: string, reason: string): Promise<void> {
    this.ended.push(`${sandboxId}: ${reason}`);
    const child = this.#children.get(sandboxId);
    child?.kill("SIGKILL");
    await child?.status;
    this.#children.delete(sandboxId);
  }

  async close(): Promise<void> {
    for (const sandboxId of [...this.#children.keys()]) await this.end(sandboxId, "the test has ended");
  }
}

async function connected(path: string): Promise<ByteStream> {
  for (const end = Date.now() + TIMEOUT_MS;;) {
    try {
      return await connectUnix(path, { timeoutMs: TIMEOUT_MS });
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** A sandboxer for which all is ready. */
async function servePrepare(dir: string, machines: Machines): Promise<Listener> {
  const server = new TtrpcServer();
  server.add(PrepareDefinition, {
    lookup: () => ({ guest: undefined, pid: 0 }),
    prepareContainer: ({ sandboxId }) => ({
      ...PrepareContainerResponse.decode(new Uint8Array()),
      guest: { kind: { $case: "hybridPath", value: `${dir}/${sandboxId}.vsock` }, secret: "" },
      guestBundle: "/bundle",
      sandboxPid: machines.pidOf(sandboxId),
    }),
    releaseContainer: () => ({}),
    async endSandbox({ sandboxId, reason }) {
      await machines.end(sandboxId, reason);
      return {};
    },
    createStandalone: () => ({ sandboxPid: Deno.pid }),
  });
  return await listenUnix({ path: `${dir}/prepare.sock` }, (stream) => void server.serve(stream));
}

async function serveGuest(stream: ByteStream, manner: GuestManner): Promise<void> {
  await stream.read();
  await stream.write(new TextEncoder().encode("OK 1\n"));
  // Frames of calls that are answered at once must not get into each other.
  let writing = Promise.resolve();
  const reader = new FrameReader(stream);
  for (let frame = await reader.next(); frame; frame = await reader.next()) {
    const { streamId: called } = frame;
    const send: GuestCall["send"] = (
      body,
      { length, streamId = called, type = FRAME_TYPE.response } = {},
    ) => {
      const header = encodeHeader(length ?? body.length, streamId, type, 0);
      writing = writing.then(() => stream.write(concat([header, body])));
      return writing;
    };
    const { method } = Request.decode(frame.body);
    const answer = (message: Uint8Array) => {
      const parts = encodeOk(message, method);
      return send(concat(parts));
    };
    manner({ method, send, answer }).catch(() => {});
  }
}
