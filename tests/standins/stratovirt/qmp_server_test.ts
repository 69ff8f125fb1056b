import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { QmpError } from "./qmp_error.ts";
import { QmpServer } from "./qmp_server.ts";

/** A client that says exactly what a test wants. */
class Client {
  readonly #conn: Deno.UnixConn;
  #text = "";

  constructor(conn: Deno.UnixConn) {
    this.#conn = conn;
  }

  async send(text: string): Promise<void> {
    await this.#conn.write(new TextEncoder().encode(text));
  }

  /** The next message; undefined at the end. */
  async next(): Promise<Record<string, unknown> | undefined> {
    const buffer = new Uint8Array(65536);
    while (!this.#text.includes("\r\n")) {
      const count = await this.#conn.read(buffer);
      if (count === null) return undefined;
      this.#text += new TextDecoder().decode(buffer.subarray(0, count));
    }
    const end = this.#text.indexOf("\r\n");
    const message = JSON.parse(this.#text.slice(0, end));
    this.#text = this.#text.slice(end + 2);
    return message;
  }

  async ask(message: unknown): Promise<Record<string, unknown>> {
    await this.send(JSON.stringify(message));
    return (await this.next())!;
  }

  close(): void {
    this.#conn.close();
  }
}

interface World {
  server: QmpServer;
  violations: string[];
  connect(negotiate?: boolean): Promise<Client>;
}

/** @param run answers commands */
async function withServer(
  test: (world: World) => Promise<void>,
  version = "2.5.0",
  run: (command: string) => Promise<unknown> = () => Promise.resolve({}),
): Promise<void> {
  const dir = await Deno.makeTempDir();
  const violations: string[] = [];
  const violation = (what: string) => void violations.push(what);
  const server = new QmpServer(`${dir}/q`, { version, run, violation });
  const serving = server.serve();
  const clients: Client[] = [];
  try {
    await test({
      server,
      violations,
      async connect(negotiate = true) {
        const client = new Client(await Deno.connect({ transport: "unix", path: `${dir}/q` }));
        clients.push(client);
        const greeting = (await client.next())!.QMP as { version: unknown; capabilities: unknown };
        deepStrictEqual(greeting, {
          version: { qemu: { micro: 1, minor: 0, major: 5 }, package: `StratoVirt-${version}` },
          capabilities: [],
        });
        if (negotiate) {
          deepStrictEqual(await client.ask({ execute: "qmp_capabilities", id: "0" }), { return: {} });
        }
        return client;
      },
    });
  } finally {
    clients.forEach((client) => client.close());
    server.close();
    await serving;
    await Deno.remove(dir, { recursive: true });
  }
}

const failure = (answer: Record<string, unknown>) => answer.error as { class: string; desc: string };

Deno.test("a command that is understood is answered with its id", () =>
  withServer(async ({ connect, violations }) => {
    const client = await connect();
    deepStrictEqual(await client.ask({ execute: "stop", arguments: {}, id: "7" }), { return: {}, id: "7" });
    deepStrictEqual(await client.ask({ execute: "query-block" }), { return: [] });
    deepStrictEqual(violations, []);
  }));

Deno.test("what cannot be read is refused without an id, as GenericError", () =>
  withServer(async ({ connect }) => {
    const client = await connect();
    for (
      const [message, reason] of [
        [{ execute: "stop", id: 7 }, /expected a string/],
        [{ execute: "stop", id: "7", control: {} }, /unknown field/],
        [{ execute: "query-cpus-fast", id: "7" }, /unknown variant/],
        [{ execute: "set-action", id: "7" }, /unknown variant/],
        [{ execute: "qmp_capabilities", arguments: { enable: [] }, id: "7" }, /unknown field `enable`/],
        [{ execute: "device_del", arguments: {}, id: "7" }, /missing field/],
        [{ execute: "netdev_add", arguments: { id: "n", queues: "2" }, id: "7" }, /expected a number/],
        [{ execute: "device_del", arguments: { id: 3 }, id: "7" }, /expected a string/],
        [
          { execute: "device_add", arguments: { id: "a", driver: "virtio-blk-pci", addr: 0 }, id: "7" },
          /expected a/,
        ],
        [
          { execute: "device_add", arguments: { id: "a", driver: "d", write_cache: "on" }, id: "7" },
          /unknown field/,
        ],
      ] as const
    ) {
      const answer = await client.ask(message);
      strictEqual("id" in answer, false, JSON.stringify(message));
      strictEqual(failure(answer).class, "GenericError");
      match(failure(answer).desc, reason);
    }
  }));

Deno.test("two objects in one read are none", () =>
  withServer(async ({ connect }) => {
    const client = await connect();
    await client.send(`{"execute":"stop","id":"1"}{"execute":"cont","id":"2"}`);
    const answer = (await client.next())!;
    strictEqual("id" in answer, false);
    ok(failure(answer).desc.length > 0);
  }));

Deno.test("whoever does not wait for an answer, or does not negotiate, is told on", () => {
  const pending = Promise.withResolvers<unknown>();
  return withServer(
    async ({ connect, violations }) => {
      const hasty = await connect();
      await hasty.send(`{"execute":"stop","id":"1"}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
      await hasty.send(`{"execute":"cont","id":"2"}`);
      while (violations.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      match(violations[0]!, /before the answer/);
      pending.resolve({});
      violations.length = 0;
      const rude = await connect(false);
      await rude.ask({ execute: "query-version", id: "1" });
      match(violations[0]!, /before qmp_capabilities/);
    },
    "2.5.0",
    (command) => command === "stop" ? pending.promise : Promise.resolve({}),
  );
});

Deno.test("commands come with the version", async () => {
  const answer = (version: string) => {
    let found: string | undefined;
    return withServer(async ({ connect }) => {
      found = failure(await (await connect()).ask({ execute: "set-viomem", id: "1" })).desc;
    }, version).then(() => found!);
  };
  match(await answer("2.4.0"), /unknown variant/);
  match(await answer("2.5.0"), /not implemented/);
});

Deno.test("the 101st command of a second is throttled", () =>
  withServer(async ({ connect }) => {
    const client = await connect();
    const second = () => Math.floor(Date.now() / 1000);
    let [answers, begun]: [Awaited<ReturnType<typeof client.ask>>[], number] = [[], 0];
    // Begun with a second of the clock, until a busy host lets all of them be in one.
    while (second() !== begun) {
      await new Promise((resolve) => setTimeout(resolve, 1000 - Date.now() % 1000));
      [answers, begun] = [[], second()];
      for (let i = 0; i < 101; i++) {
        answers.push(await client.ask({ execute: "query-status", id: String(i) }));
      }
    }
    deepStrictEqual(answers.slice(0, 100).filter((answer) => "error" in answer), []);
    strictEqual(failure(answers[100]!).class, "OperationThrottled");
  }));

Deno.test("a second client takes the place of the first, and events reach who is there", () =>
  withServer(async ({ connect, server }) => {
    server.event("NOBODY", {});
    const first = await connect();
    server.event("STOP", {});
    strictEqual((await first.next())!.event, "STOP");
    const second = await connect();
    strictEqual(await first.next().catch(() => undefined), undefined);
    server.event("RESUME", {});
    strictEqual((await second.next())!.event, "RESUME");
  }));

Deno.test("of more events than are kept the first are lost", () =>
  withServer(async ({ connect, server }) => {
    const client = await connect();
    // One is on its way at once, the others wait for it.
    for (let i = 0; i <= 60; i++) server.event("STOP", { i });
    const seen: unknown[] = [];
    for (let i = 0; i < 51; i++) seen.push(((await client.next())!.data as { i: number }).i);
    deepStrictEqual(seen, [0, ...Array.from({ length: 50 }, (_, i) => i + 11)]);
  }));

Deno.test("an error of the machine keeps the id, its class and its words, be they none", () =>
  withServer(
    async ({ connect }) => {
      const client = await connect();
      const answer = await client.ask({ execute: "blockdev-del", arguments: { "node-name": "n" }, id: "1" });
      deepStrictEqual(answer, { error: { class: "GenericError", desc: "" }, id: "1" });
    },
    "2.5.0",
    (command) => command === "blockdev-del" ? Promise.reject(new QmpError("")) : Promise.resolve({}),
  ));

Deno.test("a path where something is, a stale socket too, is refused", async () => {
  const dir = await Deno.makeTempDir();
  await Deno.writeTextFile(`${dir}/q`, "");
  const around = { version: "2.5.0", run: () => Promise.resolve({}), violation: () => {} };
  await rejects(async () => new QmpServer(`${dir}/q`, around));
  await Deno.remove(dir, { recursive: true });
});
