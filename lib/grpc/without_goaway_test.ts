import { Buffer } from "node:buffer";
import http2 from "node:http2";
import net from "node:net";
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { NetworkDefinition } from "../proto/gen/kuasar/network/v1/network.ts";
import { firstConfirmation, FrameFilter, GOAWAY, goaways, PREFACE_BYTES } from "./frame_filter.ts";
import { grpcClient } from "./mod.ts";

function frame(type: number, payload: Uint8Array): Buffer {
  const header = Buffer.from([0, 0, payload.length, type, 0, 0, 0, 0, 0]);
  return Buffer.concat([header, payload]);
}

Deno.test("frames of one type are dropped, wherever the bytes are cut", () => {
  const frames = fc.array(
    fc.record({ type: fc.integer({ min: 0, max: 9 }), payload: fc.uint8Array({ maxLength: 40 }) }),
  );
  fc.assert(fc.property(frames, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (list, cuts) => {
    const preface = Buffer.alloc(PREFACE_BYTES, GOAWAY);
    const wire = Buffer.concat([preface, ...list.map(({ type, payload }) => frame(type, payload))]);
    const wanted = list.filter(({ type }) => type !== GOAWAY).map(({ type, payload }) =>
      frame(type, payload)
    );
    const filter = new FrameFilter(goaways, PREFACE_BYTES);
    const kept: Buffer[] = [];
    for (let at = 0, turn = 0; at < wire.length; turn++) {
      const end = at + cuts[turn % cuts.length]!;
      kept.push(Buffer.from(filter.pass(wire.subarray(at, end))));
      at = end;
    }
    deepStrictEqual(Buffer.concat(kept), Buffer.concat([preface, ...wanted]));
  }));
});

Deno.test("of the confirmations of settings only the first is dropped", () => {
  const [settings, confirmation] = [frame(4, Buffer.alloc(6)), Buffer.from([0, 0, 0, 4, 1, 0, 0, 0, 0])];
  const filter = new FrameFilter(firstConfirmation(), 0);
  const kept = filter.pass(Buffer.concat([settings, confirmation, settings, confirmation]));
  deepStrictEqual(Buffer.from(kept), Buffer.concat([settings, settings, confirmation]));
});

/** Deno 2.9.6 crashes from somewhere between 100 and 300 calls on, when a GOAWAY comes. */
const CALLS = 400;
const SERVER = new URL("./testdata/list_server.ts", import.meta.url).pathname;

Deno.test("a client that says goodbye after many calls does not take the server with it", async () => {
  const directory = Deno.makeTempDirSync();
  const path = `${directory}/s.sock`;
  // A process of its own, since a failure of this test is its death.
  const args = ["run", "-A", SERVER, path];
  const server = new Deno.Command(Deno.execPath(), { args, stdin: "null", stdout: "null", stderr: "null" })
    .spawn();
  const client = grpcClient(NetworkDefinition, path);
  try {
    await client.list({});
    const session = http2.connect("http://localhost", { createConnection: () => net.connect(path) });
    for (let call = 0; call < CALLS; call++) await listOnce(session);
    const closed = new Promise((resolve) => session.once("close", resolve));
    session.goaway(0);
    session.close();
    await closed;
    strictEqual((await client.list({})).sandboxIds.length, 0);
    strictEqual((await client.list({})).sandboxIds.length, 0);
  } finally {
    client.close();
    server.kill("SIGKILL");
    await server.status;
    Deno.removeSync(directory, { recursive: true });
  }
});

function listOnce(session: http2.ClientHttp2Session): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = session.request({
      ":method": "POST",
      ":path": `/${NetworkDefinition.fullName}/List`,
      "content-type": "application/grpc",
      "te": "trailers",
    });
    request.on("data", () => {});
    request.on("end", resolve);
    request.on("error", reject);
    request.end(Buffer.alloc(5));
  });
}
