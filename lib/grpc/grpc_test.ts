import net from "node:net";
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { KuasarError } from "../errors/mod.ts";
import { captureLog } from "../log/mod.ts";
import { NetworkDefinition } from "../proto/gen/kuasar/network/v1/network.ts";
import { type GrpcClient, grpcClient, type GrpcServer, type Handlers, serveGrpc } from "./mod.ts";

type Network = Handlers<typeof NetworkDefinition>;

const HANDLERS: Network = {
  attach: ({ hostname }, { metadata }) => {
    const content = new TextEncoder().encode(metadata.get("traceparent"));
    const files = [{ name: hostname, content }];
    return Promise.resolve({
      nics: [],
      interfaces: [],
      routes: [],
      neighbors: [],
      rules: [],
      sysctls: {},
      files,
    });
  },
  detach: ({ sandboxId }) => {
    throw sandboxId === "bug"
      ? new TypeError("a bug")
      : new KuasarError("NOT_FOUND", `Cannot find ${sandboxId}`, { evidence: ["line one", "line – two"] });
  },
  list: () => Promise.resolve({ sandboxIds: ["x".repeat(1 << 20)] }),
};

interface Fixture {
  path: string;
  server: GrpcServer;
  client: GrpcClient<typeof NetworkDefinition>;
}

function withServer(handlers: Network, test: (fixture: Fixture) => Promise<void>): () => Promise<void> {
  return async () => {
    const silence = captureLog(() => {});
    const directory = Deno.makeTempDirSync();
    const path = `${directory}/s.sock`;
    const server = await serveGrpc({ address: path, services: [[NetworkDefinition, handlers]] });
    const client = grpcClient(NetworkDefinition, path);
    try {
      await test({ path, server, client });
    } finally {
      client.close();
      await server.close(0);
      silence();
      Deno.removeSync(directory, { recursive: true });
    }
  };
}

const request = (hostname: string) => ({
  sandboxId: "s1",
  netnsPath: "",
  hostname,
  dnsServers: [],
  dnsSearches: [],
  dnsOptions: [],
  queues: 1,
  filesOnly: false,
});

Deno.test(
  "calls, metadata, errors with evidence and large answers",
  withServer(HANDLERS, async ({ client, path }) => {
    strictEqual(Deno.statSync(path).mode! & 0o777, 0o600);
    const answer = await client.attach(request("pod"), { metadata: { traceparent: "00-1" } });
    strictEqual(new TextDecoder().decode(answer.files[0]!.content), "00-1");
    await rejects(client.detach({ sandboxId: "s9" }), (error: unknown) => {
      ok(error instanceof KuasarError);
      strictEqual(error.code, "NOT_FOUND");
      strictEqual(error.message, "Cannot find s9");
      deepStrictEqual([...error.evidence], ["line one", "line – two"]);
      return true;
    });
    await rejects(client.detach({ sandboxId: "bug" }), { code: "INTERNAL", message: "a bug" });
    strictEqual((await client.list({})).sandboxIds[0]!.length, 1 << 20);
  }),
);

Deno.test(
  "a deadline and a cancelled call end the call and tell the handler",
  (() => {
    const told: string[] = [];
    const never: Network["list"] = (_request, { cancelled }) =>
      new Promise((_resolve, reject) =>
        cancelled.addEventListener("abort", () => {
          told.push(cancelled.reason.code);
          reject(cancelled.reason);
        })
      );
    return withServer({ ...HANDLERS, list: never }, async ({ client }) => {
      // A call whose time is over before it has arrived has no handler to tell.
      for (let timeoutMs = 50; told.length === 0; timeoutMs *= 2) {
        await rejects(client.list({}, { timeoutMs }), { code: "DEADLINE_EXCEEDED" });
        await client.attach(request("the end of the call has arrived"));
      }
      const stop = new AbortController();
      const running = client.list({}, { signal: stop.signal, timeoutMs: Infinity });
      await client.attach(request("the call before is under way"));
      stop.abort();
      await rejects(running, { code: "CANCELLED" });
      await client.attach(request("the cancellation has arrived"));
      deepStrictEqual(told, ["CANCELLED", "CANCELLED"]);
    });
  })(),
);

Deno.test("a client's own deadline holds for calls that name none", async () => {
  const client = grpcClient(NetworkDefinition, "/nonexistent/s.sock", { timeoutMs: 1 });
  await rejects(client.list({}), { code: "DEADLINE_EXCEEDED", message: /within 1 ms/ });
  await rejects(client.list({}, { timeoutMs: 2 }), { code: "DEADLINE_EXCEEDED", message: /within 2 ms/ });
  client.close();
});

Deno.test("a client waits for a peer that starts later, and for one that restarts", async () => {
  const silence = captureLog(() => {});
  const directory = Deno.makeTempDirSync();
  const path = `${directory}/s.sock`;
  const client = grpcClient(NetworkDefinition, path);
  try {
    await rejects(client.list({}, { timeoutMs: 30 }), { code: "DEADLINE_EXCEEDED" });
    for (let round = 0; round < 2; round++) {
      const early = client.list({}, { timeoutMs: 20_000 })
        // The client may not have noticed yet that the server before has gone.
        .catch(() => client.list({}, { timeoutMs: 20_000 }));
      await new Promise((resolve) => setTimeout(resolve, 30));
      const server = await serveGrpc({ address: path, services: [[NetworkDefinition, HANDLERS]] });
      strictEqual((await early).sandboxIds.length, 1);
      await server.close(100);
    }
  } finally {
    client.close();
    silence();
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("a call under way when the peer goes is UNAVAILABLE", async () => {
  const silence = captureLog(() => {});
  const directory = Deno.makeTempDirSync();
  const path = `${directory}/s.sock`;
  const reached = Promise.withResolvers<void>();
  const server = await serveGrpc({
    address: path,
    services: [[NetworkDefinition, {
      ...HANDLERS,
      list: () => {
        reached.resolve();
        return new Promise<never>(() => {});
      },
    }]],
  });
  const client = grpcClient(NetworkDefinition, path);
  try {
    const running = rejects(client.list({}, { timeoutMs: 20_000 }), { code: "UNAVAILABLE" });
    await reached.promise;
    await server.close(0);
    await running;
  } finally {
    client.close();
    silence();
    Deno.removeSync(directory, { recursive: true });
  }
});

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
for (
  const [name, bytes] of [
    ["garbage", new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n" + "x".repeat(5000))],
    [
      "a preface and a frame of 16 MiB",
      Uint8Array.from([...new TextEncoder().encode(PREFACE), 255, 255, 255, 0, 0]),
    ],
    [
      "a preface and a broken SETTINGS",
      Uint8Array.from([
        ...new TextEncoder().encode(PREFACE),
        ...[0, 0, 5, 4, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5],
      ]),
    ],
    ["a reset after the preface", new TextEncoder().encode(PREFACE)],
  ] as const
) {
  Deno.test(
    `${name} on the socket leaves the server serving`,
    withServer(HANDLERS, async ({ client, path }) => {
      await new Promise<void>((resolve) => {
        const socket = net.connect(path);
        socket.on("error", () => {});
        socket.on("close", () => resolve());
        socket.on("connect", () => {
          socket.write(bytes);
          setTimeout(() => socket.destroy(), 20);
        });
      });
      strictEqual((await client.list({})).sandboxIds.length, 1);
    }),
  );
}

Deno.test(
  "a request that is no protobuf is INVALID_ARGUMENT",
  withServer(HANDLERS, async ({ path }) => {
    const broken = {
      ...NetworkDefinition,
      methods: {
        detach: {
          ...NetworkDefinition.methods.detach,
          requestType: {
            encode: () => ({ finish: () => new Uint8Array([0x0a, 0xff]) }),
            decode: () => ({ sandboxId: "" }),
          },
        },
      },
    } as const;
    const client = grpcClient(broken, path);
    await rejects(client.detach({ sandboxId: "" }), { code: "INVALID_ARGUMENT" });
    client.close();
  }),
);

Deno.test("a message above the limit is refused and the server goes on", async () => {
  await withServer(HANDLERS, async ({ client }) => {
    await rejects(client.attach(request("x".repeat(17 * 1024 * 1024))), { code: "RESOURCE_EXHAUSTED" });
    strictEqual((await client.list({})).sandboxIds.length, 1);
  })();
});

Deno.test("a client that has cancelled calls outlives the graceful end of its peer, again and again", async () => {
  const silence = captureLog(() => {});
  const directory = Deno.makeTempDirSync();
  const path = `${directory}/s.sock`;
  const client = grpcClient(NetworkDefinition, path);
  const hanging = { ...HANDLERS, attach: () => new Promise<never>(() => {}) };
  try {
    for (let round = 0; round < 20; round++) {
      const server = await serveGrpc({ address: path, services: [[NetworkDefinition, hanging]] });
      // The client may not have noticed yet that the server before has gone.
      await client.list({}).catch(() => client.list({}));
      const stop = new AbortController();
      const running = client.attach(request("pod"), { signal: stop.signal });
      await client.list({});
      stop.abort();
      await rejects(running, { code: "CANCELLED" });
      await client.list({});
      await server.close(0);
    }
  } finally {
    client.close();
    silence();
    Deno.removeSync(directory, { recursive: true });
  }
});
