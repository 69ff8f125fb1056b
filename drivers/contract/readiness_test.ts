import { deepStrictEqual, rejects, strictEqual, throws } from "node:assert/strict";
import { KernelVsockReadiness, listenHybrid, MAX_READY_BYTES, parseReady } from "./readiness.ts";

async function withDir(test: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await test(dir);
    deepStrictEqual([...Deno.readDirSync(dir)].map((e) => e.name), []);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function send(path: string, ...chunks: (string | Uint8Array)[]): Promise<void> {
  const conn = await Deno.connect({ transport: "unix", path });
  try {
    for (const chunk of chunks) {
      await conn.write(typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk);
    }
    await conn.closeWrite();
  } finally {
    conn.close();
  }
}

Deno.test("a guest's message arrives, split as it may be, and the socket is gone", () =>
  withDir(async (dir) => {
    const path = `${dir}/vm.vsock_1027`;
    const wait = listenHybrid(path);
    strictEqual(Deno.statSync(path).mode! & 0o777, 0o600);
    await send(path, "REA", 'DY {"version":', '"1"}\nmore');
    deepStrictEqual(await wait.ready, { version: "1" });
    wait.close();
  }));

for (
  const [name, bytes] of [
    ["another word", "HELLO {}\n"],
    ["an array", "READY []\n"],
    ["broken JSON", "READY {\n"],
    ["nothing", ""],
    ["a line without end", new Uint8Array(MAX_READY_BYTES + 10).fill(65)],
  ] as const
) {
  Deno.test(`a guest that sends ${name} is refused`, () =>
    withDir(async (dir) => {
      const path = `${dir}/vm.vsock_1027`;
      const wait = listenHybrid(path);
      await send(path, bytes).catch(() => {});
      await rejects(wait.ready, { code: "DATA_LOSS" });
      wait.close();
    }));
}

Deno.test("a wait that is ended fails with CANCELLED", () =>
  withDir(async (dir) => {
    const wait = listenHybrid(`${dir}/vm.vsock_1027`);
    wait.close();
    wait.close();
    await rejects(wait.ready, { code: "CANCELLED" });
  }));

/** The kernel's vsock as far as the readiness of guests needs it: ports that may be taken, and connections by CID. */
class StandInVsock {
  readonly taken: Set<number>;
  readonly open = new Map<number, (conn: StandInConn | undefined) => void>();

  constructor(...taken: number[]) {
    this.taken = new Set(taken);
  }

  readonly listen = (port: number) => {
    if (this.taken.has(port)) throw new Deno.errors.AddrInUse();
    const queue: (StandInConn | undefined)[] = [];
    let wake = () => {};
    const put = (conn: StandInConn | undefined) => {
      queue.push(conn);
      wake();
    };
    this.open.set(port, put);
    return {
      async *[Symbol.asyncIterator]() {
        for (;;) {
          while (queue.length === 0) await new Promise<void>((resolve) => wake = resolve);
          const conn = queue.shift();
          if (!conn) return;
          yield conn;
        }
      },
      close: () => {
        put(undefined);
        this.open.delete(port);
      },
    };
  };

  /** A guest, or somebody else, connects and says something. */
  connect(port: number, cid: number, text: string): StandInConn {
    const conn = new StandInConn(cid, text);
    this.open.get(port)!(conn);
    return conn;
  }
}

class StandInConn {
  readonly remoteAddr: { cid: number };
  heard = "";
  #closed = Promise.withResolvers<void>();
  #text: Uint8Array;

  constructor(cid: number, text: string) {
    this.remoteAddr = { cid };
    this.#text = new TextEncoder().encode(text);
  }

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#text.length === 0) return Promise.resolve(null);
    const part = this.#text.subarray(0, buffer.length);
    buffer.set(part);
    this.#text = this.#text.subarray(part.length);
    return Promise.resolve(part.length);
  }

  write(bytes: Uint8Array): Promise<number> {
    this.heard += new TextDecoder().decode(bytes);
    return Promise.resolve(bytes.length);
  }

  close(): void {
    this.#closed.resolve();
  }
}

const [SECRET_A, SECRET_B] = ["aa".repeat(32), "bb".repeat(32)];

Deno.test("on the kernel's vsock each guest is told its own secret, and nobody else any", async () => {
  const vsock = new StandInVsock();
  const readiness = new KernelVsockReadiness(vsock.listen);
  const [a, b] = [readiness.listen(70, SECRET_A), readiness.listen(71, SECRET_B)];
  // Programs of the host need to be its root to listen below 1024.
  deepStrictEqual([a.port, b.port], [1023, 1023]);
  const [stranger, other] = [vsock.connect(1023, 2, "READY {}\n"), vsock.connect(1023, 71, "READY {}\n")];
  await Promise.all([stranger.closed, b.ready]);
  const own = vsock.connect(1023, 70, 'READY {"version":"1"}\n');
  deepStrictEqual(await a.ready, { version: "1" });
  deepStrictEqual(
    [stranger.heard, other.heard, own.heard],
    ["", `SECRET ${SECRET_B}\n`, `SECRET ${SECRET_A}\n`],
  );
  await Promise.all([own.closed, other.closed]);
  deepStrictEqual([...vsock.open.keys()], []);
});

Deno.test("a guest that says something else is told nothing", async () => {
  const vsock = new StandInVsock();
  const wait = new KernelVsockReadiness(vsock.listen).listen(70, SECRET_A);
  const conn = vsock.connect(1023, 70, "HELLO\n");
  await rejects(wait.ready, { code: "DATA_LOSS" });
  strictEqual(conn.heard, "");
});

Deno.test("a port that another driver holds is passed over, and all of them are an error", () => {
  const wait = new KernelVsockReadiness(new StandInVsock(1023, 1022).listen).listen(70, SECRET_A);
  strictEqual(wait.port, 1021);
  wait.close();
  const all = Array.from({ length: 16 }, (_, i) => 1023 - i);
  const none = new KernelVsockReadiness(new StandInVsock(...all).listen);
  throws(() => none.listen(70, SECRET_A), { code: "RESOURCE_EXHAUSTED" });
});

Deno.test("a driver that may not listen says so, and not that it is away, as calls of one that is are repeated", () => {
  const denied = new KernelVsockReadiness(() => {
    throw new Deno.errors.PermissionDenied("Permission denied (os error 13)");
  });
  throws(() => denied.listen(70, SECRET_A), {
    code: "INTERNAL",
    message: /vsock port 1023: Permission denied/,
  });
});

Deno.test("READY takes an object only", () => {
  deepStrictEqual(parseReady('READY {"a":1}\r'), { a: 1 });
  throws(() => parseReady("READY 1"), { code: "DATA_LOSS" });
});
