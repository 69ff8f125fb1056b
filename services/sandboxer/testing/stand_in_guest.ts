import { KuasarError } from "../../../lib/errors/mod.ts";
import { SandboxServiceDefinition } from "../../../lib/proto/gen/grpc/sandbox.ts";
import { GuestDefinition, InfoResponse } from "../../../lib/proto/gen/kuasar/guest/v1/guest.ts";
import { type Listener, listenUnix } from "../../../lib/transport/mod.ts";
import { type ByteStream, TtrpcServer } from "../../../lib/ttrpc/mod.ts";
import { SECRET_LINE_BYTES, secretLine } from "../../../lib/vsock/mod.ts";
import type { StandInVm, World } from "./world.ts";

/** Without it no stand-in lets anybody in. */
export const STAND_IN_SECRET = "5e".repeat(32);

/** Serves the agent's contract behind a hybrid vsock at `path`, for one VM. */
export async function serveStandInGuest(
  path: string,
  id: string,
  vm: StandInVm,
  world: World,
): Promise<Listener> {
  const server = new TtrpcServer();
  server.add(SandboxServiceDefinition, {
    async setupSandbox(request) {
      await world.call("guest/setupSandbox", id, () => void (vm.setup = request));
      return {};
    },
    async check() {
      await world.call("guest/check", id, () => {});
      return {};
    },
    async syncClock(packet) {
      await world.call("guest/syncClock", id, () => void (world.clockErrorNs += packet.Delta));
      const now = BigInt(Date.now()) * 1_000_000n + world.clockErrorNs;
      return { ...packet, ClientArriveTime: now, ServerSendTime: now };
    },
  });
  server.add(GuestDefinition, {
    async online({ cpus }) {
      await world.call("guest/online", id, () => {});
      return { ...InfoResponse.decode(new Uint8Array(0)), cpus };
    },
    async powerOff() {
      await world.call("guest/powerOff", id, () => void (vm.poweredOff = true));
      return {};
    },
  });
  const listener = await listenUnix({ path }, (stream) => {
    // A connection that ends within the handshake is of no interest.
    shakeHands(stream).then((greeted) => server.serve(greeted), () => stream.close());
  });
  return {
    async close() {
      server.close();
      await listener.close();
    },
  };
}

/** @returns the stream behind the handshake and the secret */
async function shakeHands(stream: ByteStream): Promise<ByteStream> {
  const line = new TextDecoder().decode(await stream.read() ?? new Uint8Array(0));
  if (line !== "CONNECT 1024\n") throw new KuasarError("INVALID_ARGUMENT", `Cannot connect: ${line}`);
  await stream.write(new TextEncoder().encode("OK 1073741824\n"));
  let seen = new Uint8Array();
  while (seen.length < SECRET_LINE_BYTES) {
    const bytes = await stream.read();
    if (bytes === null) break;
    seen = new Uint8Array([...seen, ...bytes]);
  }
  if (new TextDecoder().decode(seen.subarray(0, SECRET_LINE_BYTES)) !== secretLine(STAND_IN_SECRET)) {
    throw new KuasarError("PERMISSION_DENIED", "Cannot connect: the secret is wrong");
  }
  let rest: Uint8Array | undefined = seen.subarray(SECRET_LINE_BYTES);
  return {
    read() {
      const first = rest;
      rest = undefined;
      return first?.length ? Promise.resolve(first) : stream.read();
    },
    write: (bytes) => stream.write(bytes),
    close: () => stream.close(),
  };
}
