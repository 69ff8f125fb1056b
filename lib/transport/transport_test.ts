import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { TaskDefinition } from "../proto/gen/containerd/task/v3/task.ts";
import type { ByteStream } from "../ttrpc/mod.ts";
import { createClient, TtrpcClient, TtrpcServer } from "../ttrpc/mod.ts";
import { connectGuest, connectUnix, denoStream, listenUnix } from "./mod.ts";

const code = (name: string) => (error: unknown) => (error as { code?: string }).code === name;
const timeoutMs = 10_000;

async function withDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "kt-" });
  try {
    await run(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function readAll(stream: ByteStream): Promise<Uint8Array> {
  const parts: number[] = [];
  for (let chunk = await stream.read(); chunk; chunk = await stream.read()) parts.push(...chunk);
  return Uint8Array.from(parts);
}

/** A hybrid vsock device of one connection: takes a line, then does what it is told. */
async function withHybrid(
  serve: (line: string, connection: Deno.Conn) => Promise<void>,
  run: (path: string) => Promise<void>,
): Promise<void> {
  await withDirectory(async (directory) => {
    const path = `${directory}/vm.vsock`;
    const listener = Deno.listen({ transport: "unix", path });
    const serving = (async () => {
      const connection = await listener.accept();
      const buffer = new Uint8Array(64);
      const count = await connection.read(buffer) ?? 0;
      await serve(new TextDecoder().decode(buffer.subarray(0, count)), connection);
      connection.close();
    })();
    try {
      await run(path);
      await serving;
    } finally {
      listener.close();
    }
  });
}

const guest = (path: string, secret = "") => ({
  kind: { $case: "hybridPath" as const, value: path },
  secret,
});
const send = async (connection: Deno.Conn, text: string) => {
  await connection.write(new TextEncoder().encode(text));
};

Deno.test("ttrpc over unix sockets: many calls, a large message, removal of the socket file", async () => {
  await withDirectory(async (directory) => {
    const path = `${directory}/t.sock`;
    const server = new TtrpcServer();
    const value = new Uint8Array(3 << 20).fill(7);
    server.add(TaskDefinition, {
      wait: ({ id }) => ({ exitStatus: Number(id), exitedAt: undefined }),
      stats: () => ({ stats: { typeUrl: "x", value } }),
    });
    const listener = await listenUnix({ path }, (stream) => void server.serve(stream));
    strictEqual((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
    const client = new TtrpcClient(await connectUnix(path, { timeoutMs }));
    const task = createClient(TaskDefinition, client, { timeoutMs });
    const ids = Array.from({ length: 100 }, (_, i) => i);
    const answers = await Promise.all(ids.map((id) => task.wait({ id: String(id), execId: "" })));
    deepStrictEqual(answers.map((a) => a.exitStatus), ids);
    strictEqual((await task.stats({ id: "c" })).stats?.value.length, value.length);
    const open = task.wait({ id: "1", execId: "" });
    await open;
    await listener.close();
    await client.closed;
    await rejects(task.wait({ id: "1", execId: "" }), code("UNAVAILABLE"));
    await rejects(connectUnix(path, { timeoutMs }), code("UNAVAILABLE"));
  });
});

Deno.test("a closed stream ends a pending read with null", async () => {
  await withDirectory(async (directory) => {
    const path = `${directory}/t.sock`;
    const accepted = Promise.withResolvers<ByteStream>();
    const listener = await listenUnix({ path }, accepted.resolve);
    const ours = await connectUnix(path, { timeoutMs });
    const theirs = await accepted.promise;
    const pending = ours.read();
    ours.close();
    strictEqual(await pending, null);
    strictEqual(await theirs.read(), null);
    theirs.close();
    await listener.close();
  });
});

Deno.test("the hybrid handshake names the port, and bytes behind the answer are kept", async () => {
  let asked = "";
  await withHybrid(async (line, connection) => {
    asked = line;
    await send(connection, "OK 10");
    await send(connection, "24\nhello ");
    await send(connection, "you");
  }, async (path) => {
    const stream = await connectGuest(guest(path), 1024, { timeoutMs });
    strictEqual(new TextDecoder().decode(await readAll(stream)), "hello you");
    stream.close();
  });
  strictEqual(asked, "CONNECT 1024\n");
});

Deno.test("a guest that wants a secret hears it before anything else", async () => {
  const secret = "ab".repeat(32);
  let heard = "";
  await withHybrid(async (_, connection) => {
    await send(connection, "OK 1\n");
    const buffer = new Uint8Array(256);
    while (!heard.endsWith("hello")) {
      heard += new TextDecoder().decode(buffer.subarray(0, await connection.read(buffer) ?? 0));
    }
  }, async (path) => {
    const stream = await connectGuest(guest(path, secret), 1024, { timeoutMs });
    await stream.write(new TextEncoder().encode("hello"));
    await readAll(stream);
    stream.close();
  });
  strictEqual(heard, `SECRET ${secret}\nhello`);
});

Deno.test("a port without a listener and a wrong answer are UNAVAILABLE", async () => {
  for (const answer of ["", "NO\n", "x".repeat(500)]) {
    await withHybrid(
      async (_, connection) => await send(connection, answer),
      async (path) => await rejects(connectGuest(guest(path), 1, { timeoutMs }), code("UNAVAILABLE")),
    );
  }
});

Deno.test("a guest that never answers is given up by the deadline", async () => {
  const gate = Promise.withResolvers<void>();
  await withHybrid(() => gate.promise, async (path) => {
    await rejects(connectGuest(guest(path), 1, { timeoutMs: 20 }), code("DEADLINE_EXCEEDED"));
    gate.resolve();
  });
});

Deno.test("a connection to a guest that is given up is not ended before it was answered", async () => {
  const givenUp = Promise.withResolvers<void>();
  await withHybrid(async (_, connection) => {
    await givenUp.promise;
    const ended = connection.read(new Uint8Array(1)).then((count) => count === null ? "ended" : "more");
    const there = new Promise((resolve) => setTimeout(resolve, 100, "there"));
    strictEqual(await Promise.race([ended, there]), "there");
    await send(connection, "OK 1\n");
    strictEqual(await ended, "ended");
  }, async (path) => {
    await rejects(connectGuest(guest(path), 1, { timeoutMs: 20 }), code("DEADLINE_EXCEEDED"));
    givenUp.resolve();
  });
});

Deno.test("an endpoint without an address is refused", async () => {
  await rejects(connectGuest({ kind: undefined, secret: "" }, 1, { timeoutMs }), code("INVALID_ARGUMENT"));
});

Deno.test("short writes are continued", async () => {
  const written: number[] = [];
  const stream = denoStream({
    read: () => Promise.resolve(null),
    write: (bytes) => {
      const taken = bytes.subarray(0, 3);
      written.push(...taken);
      return Promise.resolve(taken.length);
    },
    close: () => {},
  });
  await stream.write(Uint8Array.of(1, 2, 3, 4, 5, 6, 7));
  deepStrictEqual(written, [1, 2, 3, 4, 5, 6, 7]);
});
