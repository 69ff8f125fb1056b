import { KuasarError } from "../../../lib/errors/mod.ts";
import { SandboxServiceDefinition } from "../../../lib/proto/gen/grpc/sandbox.ts";
import { GuestDefinition, InfoResponse } from "../../../lib/proto/gen/kuasar/guest/v1/guest.ts";
import { type Listener, listenUnix } from "../../../lib/transport/mod.ts";
import { type ByteStream, TtrpcServer } from "../../../lib/ttrpc/mod.ts";
import type { StandInVm, World } from "./world.ts";

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
    shakeHands(stream).then(() => server.serve(stream), () => stream.close());
  });
  return {
    async close() {
      server.close();
      await listener.close();
    },
  };
}

async function shakeHands(stream: ByteStream): Promise<void> {
  const line = new TextDecoder().decode(await stream.read() ?? new Uint8Array(0));
  if (line !== "CONNECT 1024\n") throw new KuasarError("INVALID_ARGUMENT", `Cannot connect: ${line}`);
  await stream.write(new TextEncoder().encode("OK 1073741824\n"));
}
