import { SandboxServiceDefinition } from "../../lib/proto/gen/grpc/sandbox.ts";
import { GuestDefinition } from "../../lib/proto/gen/kuasar/guest/v1/guest.ts";
import type { GuestEndpoint } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import { connectGuest, GUEST_PORT } from "../../lib/transport/mod.ts";
import { createClient, TtrpcClient, type TypedClient } from "../../lib/ttrpc/mod.ts";
import { MAX_ANSWER_BYTES } from "../../lib/vsock/mod.ts";
import type { GuestRecord } from "./record.ts";
import { repeat } from "./repeat.ts";

/** The agent of a guest, for one conversation. */
export interface GuestAgent {
  sandbox: TypedClient<typeof SandboxServiceDefinition>;
  guest: TypedClient<typeof GuestDefinition>;
}

/** The stored address as it goes to the wire. */
export function toEndpoint(guest: GuestRecord | undefined): GuestEndpoint {
  const { hybridPath, cid, secret = "" } = guest ?? {};
  if (hybridPath !== undefined) return { kind: { $case: "hybridPath", value: hybridPath }, secret };
  if (cid !== undefined) return { kind: { $case: "cid", value: cid }, secret };
  return { kind: undefined, secret };
}

/** The address of the wire as it is stored. */
export function fromEndpoint(endpoint: GuestEndpoint | undefined): GuestRecord | undefined {
  if (!endpoint) return undefined;
  const { kind, secret } = endpoint;
  const known = secret === "" ? {} : { secret };
  if (kind?.$case === "hybridPath") return { hybridPath: kind.value, ...known };
  if (kind?.$case === "cid") return { cid: kind.value, ...known };
  return undefined;
}

/**
 * Connects to the agent of a guest, talks to it and closes the connection.
 *
 * @param timeoutMs for the connection and for each call
 * @throws UNAVAILABLE when the guest is not reached, DEADLINE_EXCEEDED, or what the agent answers
 */
export async function withGuest<T>(
  guest: GuestRecord | undefined,
  timeoutMs: number,
  talk: (agent: GuestAgent) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const stream = await repeat(
    (leftMs) => connectGuest(toEndpoint(guest), GUEST_PORT.services, { timeoutMs: leftMs }),
    { timeoutMs, ...(signal && { signal }) },
  );
  const client = new TtrpcClient(stream, { maxBodyBytes: MAX_ANSWER_BYTES, bodyTimeoutMs: timeoutMs });
  const abort = () => client.close();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    return await talk({
      sandbox: createClient(SandboxServiceDefinition, client, { timeoutMs }),
      guest: createClient(GuestDefinition, client, { timeoutMs }),
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", abort);
    client.close();
    await client.closed;
  }
}
