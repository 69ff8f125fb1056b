import { type Interface, SandboxServiceDefinition } from "../../lib/proto/gen/grpc/sandbox.ts";
import { GuestDefinition } from "../../lib/proto/gen/kuasar/guest/v1/guest.ts";
import type { GuestEndpoint } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import { connectGuest, GUEST_PORT } from "../../lib/transport/mod.ts";
import { createClient, type ServiceDefinition, TtrpcClient, type TypedClient } from "../../lib/ttrpc/mod.ts";

/** More than a busy guest without KVM needs. */
const GUEST_TIMEOUT_MS = 60_000;

/** Makes a guest power itself off; the answer may be lost with it. */
export async function powerOff(endpoint: GuestEndpoint): Promise<void> {
  await withGuest(endpoint, (guest) => guest.powerOff({}).then(() => {}, () => {}));
}

/** Resolves where the guest's agent answers. */
export async function ping(endpoint: GuestEndpoint): Promise<void> {
  await withGuest(endpoint, (guest) => guest.info({}));
}

/** How long the guest's kernel has been running, in ms. */
export async function uptimeMs(endpoint: GuestEndpoint): Promise<number> {
  return await withGuest(endpoint, async (guest) => Number((await guest.info({})).uptimeMs));
}

/** Brings vCPUs online that were plugged in; answers how many run and what memory there is. */
export async function bringOnline(
  endpoint: GuestEndpoint,
  cpus: number,
): Promise<{ cpus: number; memTotalKib: bigint }> {
  return await withGuest(endpoint, (guest) => guest.online({ cpus }));
}

/** Runs a shell command in the guest itself and answers what it has written. */
export async function shell(endpoint: GuestEndpoint, command: string): Promise<string> {
  const request = { command, stdin: new Uint8Array() };
  return await withService(
    endpoint,
    SandboxServiceDefinition,
    async (guest) => (await guest.execVMProcess(request)).out,
  );
}

/** Gives links of the guest, found by their MAC addresses, their addresses; waits for those that are being plugged in. */
export async function setInterfaces(endpoint: GuestEndpoint, interfaces: Interface[]): Promise<void> {
  await withService(endpoint, SandboxServiceDefinition, (guest) => guest.updateInterfaces({ interfaces }));
}

type Guest = TypedClient<typeof GuestDefinition>;

async function withGuest<T>(endpoint: GuestEndpoint, call: (guest: Guest) => Promise<T>): Promise<T> {
  return await withService(endpoint, GuestDefinition, call);
}

async function withService<D extends ServiceDefinition, T>(
  endpoint: GuestEndpoint,
  definition: D,
  call: (client: TypedClient<D>) => Promise<T>,
): Promise<T> {
  const stream = await connectGuest(endpoint, GUEST_PORT.services, { timeoutMs: GUEST_TIMEOUT_MS });
  const client = new TtrpcClient(stream);
  try {
    return await call(createClient(definition, client, { timeoutMs: GUEST_TIMEOUT_MS }));
  } finally {
    client.close();
  }
}
