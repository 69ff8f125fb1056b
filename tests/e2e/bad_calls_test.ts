/** Calls that are wrong in themselves, on the sockets of a running node: each gets its code, and the connection goes on. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { grpcClient, MAX_MESSAGE_BYTES } from "../../lib/grpc/mod.ts";
import type { KuasarError } from "../../lib/errors/mod.ts";
import { StateRequest } from "../../lib/proto/gen/containerd/task/v3/task.ts";
import { PrepareContainerRequest } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import { MAX_BODY_BYTES } from "../../lib/ttrpc/mod.ts";
import { RawPeer } from "../../lib/ttrpc/testing/raw_peer.ts";
import { connectUnix } from "../../lib/transport/mod.ts";
import { type Node } from "../harness/mod.ts";
import { e2eOurs, services, useNode } from "./fixture.ts";

const node = useNode();

/** Status codes of gRPC, which ttrpc shares. */
const CODE = { invalidArgument: 3, notFound: 5, resourceExhausted: 8, unimplemented: 12 };

/** A field that says it is longer than the message. */
const BROKEN = Uint8Array.of(0x0a, 0x7f, 0x01);

const TASK = { service: "containerd.task.v3.Task", method: "State" };
const PREPARE = { service: "kuasar.prepare.v1.Prepare", method: "PrepareContainer" };
const TTRPC = [
  {
    socket: "task",
    ...TASK,
    unknown: StateRequest.encode({ id: "no-such-container", execId: "" }).finish(),
    name: /no-such-container/,
  },
  {
    socket: "prepare",
    ...PREPARE,
    unknown: PrepareContainerRequest.encode({
      sandboxId: "no-such-sandbox",
      containerId: "c",
      bundle: "/no/such/bundle",
      rootfs: [],
    }).finish(),
    name: /no-such-sandbox/,
  },
];

for (const { socket, service, method, unknown, name } of TTRPC) {
  e2eOurs(`${socket}.sock answers each wrong call with its code, on one connection`, node, async (node) => {
    const stream = await connectUnix(`${node.runDir}/${socket}.sock`, { timeoutMs: 5_000 });
    const peer = new RawPeer(stream);
    try {
      await peer.request(1, { service: "no.such.Service", method: "Do" });
      const noService = await peer.response();
      await peer.request(3, { service, method: "NoSuchMethod" });
      const noMethod = await peer.response();
      await peer.request(5, { service, method, payload: BROKEN });
      const broken = await peer.response();
      await peer.send(7, 1, 0, BROKEN);
      const notEvenARequest = await peer.response();
      await peer.send(9, 1, 0, new Uint8Array(MAX_BODY_BYTES + 1));
      const oversized = await peer.response();
      await peer.request(11, { service, method, payload: unknown as Uint8Array<ArrayBuffer> });
      const unknownId = await peer.response();
      const answers = { noService, noMethod, broken, notEvenARequest, oversized, unknownId };
      const codes = Object.fromEntries(Object.entries(answers).map(([what, { code }]) => [what, code]));
      deepStrictEqual(codes, {
        noService: CODE.unimplemented,
        noMethod: CODE.unimplemented,
        broken: CODE.invalidArgument,
        notEvenARequest: CODE.invalidArgument,
        oversized: CODE.resourceExhausted,
        unknownId: CODE.notFound,
      });
      for (const { message } of Object.values(answers)) ok(message.startsWith("Cannot "), message);
      match(unknownId.message, name);
    } finally {
      peer.close();
    }
  });
}

/** Bytes that are sent as they are. */
const RAW = {
  encode: (bytes: Uint8Array) => ({ finish: () => bytes }),
  decode: (bytes: Uint8Array) => bytes,
};

function rawClient(node: Node, socket: string, fullName: string, method: string) {
  const call = {
    name: method,
    requestType: RAW,
    responseType: RAW,
    requestStream: false,
    responseStream: false,
    options: {},
  } as const;
  const definition = { name: fullName.split(".").at(-1)!, fullName, methods: { call } } as const;
  const client = grpcClient(definition, `${node.runDir}/${socket}.sock`);
  return {
    call: (bytes: Uint8Array) => client.call(bytes, { timeoutMs: 20_000 }),
    [Symbol.dispose]: () => client.close(),
  };
}

const CREATE = { fullName: "containerd.services.sandbox.v1.Controller", method: "Create" };
const GRPC: Readonly<Record<string, { fullName: string; method: string }>> = {
  sandboxer: CREATE,
  network: { fullName: "kuasar.network.v1.Network", method: "Attach" },
  storage: { fullName: "kuasar.storage.v1.Storage", method: "CreateShare" },
};
const DRIVER = { fullName: "kuasar.driver.v1.Driver", method: "Start" };

const code = (wanted: KuasarError["code"]) => (error: KuasarError) => {
  strictEqual(error.code, wanted, error.message);
  return true;
};

for (const service of services) {
  e2eOurs(`${service}.sock answers each wrong call with its code`, node, async (node) => {
    const { fullName, method } = GRPC[service] ?? DRIVER;
    using right = rawClient(node, service, fullName, method);
    using wrong = rawClient(node, service, fullName, "NoSuchMethod");
    await rejects(wrong.call(new Uint8Array(0)), code("UNIMPLEMENTED"));
    await rejects(right.call(BROKEN), code("INVALID_ARGUMENT"));
    await rejects(right.call(new Uint8Array(MAX_MESSAGE_BYTES + 1)), code("RESOURCE_EXHAUSTED"));
    // An empty message is a request without an id.
    await rejects(right.call(new Uint8Array(0)), code("INVALID_ARGUMENT"));
  });
}
