import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { KuasarError } from "../../../lib/errors/mod.ts";
import { QmpClient, type QmpStream } from "./client.ts";
import { MAX_LINE_BYTES, QmpLines } from "./lines.ts";

const encoder = new TextEncoder();
const GREETING =
  `{"QMP":{"version":{"qemu":{"major":10,"minor":0,"micro":2},"package":""},"capabilities":["oob"]}}\r\n`;

/** A monitor in memory: `answer` sees each request and says what goes over the wire. */
class FakeMonitor implements QmpStream {
  readonly requests: Record<string, unknown>[] = [];
  #out: Uint8Array[] = [];
  #wake = Promise.withResolvers<void>();
  #ended = false;

  constructor(readonly answer: (request: Record<string, unknown>, monitor: FakeMonitor) => void) {
    this.send(GREETING);
  }
  send(text: string): void {
    this.#out.push(encoder.encode(text));
    this.#wake.resolve();
  }
  reply(request: Record<string, unknown>, value: unknown = {}): void {
    this.send(JSON.stringify({ return: value, id: request.id }) + "\r\n");
  }
  async read(into: Uint8Array): Promise<number | null> {
    while (this.#out.length === 0) {
      if (this.#ended) return null;
      this.#wake = Promise.withResolvers();
      await this.#wake.promise;
    }
    const chunk = this.#out.shift()!;
    into.set(chunk);
    return chunk.length;
  }
  write(bytes: Uint8Array): Promise<number> {
    const request = JSON.parse(new TextDecoder().decode(bytes));
    this.requests.push(request);
    if (request.execute === "qmp_capabilities") this.reply(request);
    else this.answer(request, this);
    return Promise.resolve(bytes.length);
  }
  close(): void {
    this.#ended = true;
    this.#wake.resolve();
  }
}

interface Commands {
  "query-status": { args: object; returns: unknown };
  stop: { args: object; returns: unknown };
  cont: { args: object; returns: unknown };
  device_del: { args: { id: string }; returns: unknown };
}

const silent = () => {};

Deno.test("QMP lines come out the same however the stream is split", () => {
  fc.assert(
    fc.property(
      fc.array(fc.dictionary(fc.string(), fc.string())),
      fc.array(fc.integer({ min: 1, max: 40 })),
      (objects, sizes) => {
        const bytes = encoder.encode(objects.map((o) => JSON.stringify(o) + "\r\n").join(""));
        const lines = new QmpLines();
        const found: unknown[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = sizes[i % sizes.length] ?? bytes.length;
          found.push(...lines.push(bytes.subarray(at, at + size)));
          at += size;
        }
        deepStrictEqual(found, objects.map((o) => JSON.parse(JSON.stringify(o))));
      },
    ),
  );
});

for (const [name, text] of [["text", "hello\n"], ["an array", "[1]\n"], ["null", "null\n"]] as const) {
  Deno.test(`QMP lines refuse ${name}`, () => {
    let code = "";
    try {
      new QmpLines().push(encoder.encode(text));
    } catch (error) {
      code = (error as KuasarError).code;
    }
    strictEqual(code, "DATA_LOSS");
  });
}

Deno.test("QMP lines bound the length of a line", () => {
  const lines = new QmpLines();
  let code = "";
  try {
    for (let i = 0; i <= MAX_LINE_BYTES / 65536; i++) lines.push(new Uint8Array(65536).fill(32));
  } catch (error) {
    code = (error as KuasarError).code;
  }
  strictEqual(code, "DATA_LOSS");
});

Deno.test("events between a command and its answer reach their listener only", async () => {
  const monitor = new FakeMonitor((request, m) => {
    m.send(`{"event":"STOP","data":{"a":1}}\r\n`);
    m.reply(request, { running: false, status: "paused" });
  });
  const client = await QmpClient.over<Commands>(monitor);
  const stop = client.expect((e) => e.event === "STOP", 1000, "see STOP");
  deepStrictEqual(await client.execute("query-status", {}), { running: false, status: "paused" });
  deepStrictEqual((await stop.arrived).data, { a: 1 });
  client.close();
  await client.closed;
});

Deno.test("answers find their commands by id, in any order and several in one read", async () => {
  const held: Record<string, unknown>[] = [];
  const monitor = new FakeMonitor((request, m) => {
    held.push(request);
    if (held.length === 2) {
      m.send(held.reverse().map((r) => JSON.stringify({ return: r.execute, id: r.id }) + "\r\n").join(""));
    }
  });
  const client = await QmpClient.over<Commands>(monitor);
  deepStrictEqual(
    await Promise.all([client.execute("stop", {}), client.execute("cont", {})]),
    ["stop", "cont"],
  );
  client.close();
  await client.closed;
});

Deno.test("an error of QEMU becomes a KuasarError with a code", async () => {
  const monitor = new FakeMonitor((request, m) =>
    m.send(
      JSON.stringify({ error: { class: "DeviceNotFound", desc: "Device 'x' not found" }, id: request.id }) +
        "\n",
    )
  );
  const client = await QmpClient.over<Commands>(monitor);
  await rejects(
    client.execute("device_del", { id: "x" }),
    (e: KuasarError) => e.code === "NOT_FOUND" && e.message.includes("Device 'x' not found"),
  );
  client.close();
  await client.closed;
});

Deno.test("a monitor that says nothing runs into the deadline; a late answer is dropped", async () => {
  let late: Record<string, unknown> | undefined;
  const monitor = new FakeMonitor((request, m) => {
    if (late) {
      m.reply(late, "late");
      m.reply(request, "own");
    } else late = request;
  });
  const client = await QmpClient.over<Commands>(monitor);
  await rejects(client.execute("stop", {}, 5), { code: "DEADLINE_EXCEEDED" });
  strictEqual(await client.execute("cont", {}), "own");
  client.close();
  await client.closed;
});

Deno.test("the end of the connection fails what waits and what comes later", async () => {
  const monitor = new FakeMonitor(silent);
  const client = await QmpClient.over<Commands>(monitor);
  const event = client.expect(() => false, 1000, "see an event");
  const pending = rejects(client.execute("stop", {}), { code: "UNAVAILABLE" });
  monitor.close();
  await pending;
  await rejects(event.arrived, { code: "UNAVAILABLE" });
  await rejects(client.execute("cont", {}), { code: "UNAVAILABLE" });
});

Deno.test("a cancelled wait for an event leaves nothing behind", async () => {
  const client = await QmpClient.over<Commands>(new FakeMonitor(silent));
  const event = client.expect(() => false, 60_000, "see an event");
  event.cancel();
  await event.arrived;
  client.close();
  await client.closed;
});

Deno.test("a peer that does not greet is given up", async () => {
  const monitor = new FakeMonitor(silent);
  const stream: QmpStream = {
    read: () => new Promise((resolve) => (monitor.close = () => resolve(null))),
    write: (b) => Promise.resolve(b.length),
    close: () => monitor.close(),
  };
  await rejects(QmpClient.over<Commands>(stream, 5), { code: "DEADLINE_EXCEEDED" });
});

Deno.test("in the dialect of one at a time a command waits for the answer before, and one without an id is its", async () => {
  const monitor = new FakeMonitor(silent);
  const negotiated = QmpClient.over<Commands>(monitor, 1000, { oneAtATime: true });
  const client = await negotiated;
  const first = rejects(client.execute("stop", {}), { code: "INTERNAL" });
  const second = client.execute("cont", {});
  while (monitor.requests.length < 2) await new Promise((resolve) => setTimeout(resolve, 0));
  // Time enough for the second to be written as well, if it did not wait.
  await new Promise((resolve) => setTimeout(resolve, 5));
  deepStrictEqual(monitor.requests.map(({ execute, id }) => [execute, id]), [["qmp_capabilities", "1"], [
    "stop",
    "2",
  ]]);
  monitor.send(JSON.stringify({ error: { class: "GenericError", desc: "cannot be read" } }) + "\r\n");
  await first;
  while (monitor.requests.length < 3) await new Promise((resolve) => setTimeout(resolve, 0));
  monitor.reply(monitor.requests[2]!, "on");
  strictEqual(await second, "on");
  client.close();
  await client.closed;
});
