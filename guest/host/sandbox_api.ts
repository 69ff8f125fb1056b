import { asKuasarError } from "../../lib/errors/mod.ts";
import { RUNTIME_ANNOTATION } from "../../lib/oci/mod.ts";
import { SandboxDefinition } from "../../lib/proto/gen/containerd/runtime/sandbox/v1/sandbox.ts";
import { createClient, type Handlers, type TypedClient } from "../../lib/ttrpc/mod.ts";
import { readOrigin } from "../shim/origin.ts";
import type { Preparer } from "./prepare.ts";

type SandboxClient = TypedClient<typeof SandboxDefinition>;

/** A start may boot a VM under emulation; a stop waits for its guest. */
const CALL_TIMEOUT_MS = 120_000;
/** A sandbox may live for years; a timer cannot. */
const WAIT_TIMEOUT_MS = 20 * 24 * 3_600_000;

/**
 * The sandbox API of a shim, which containerd's own sandboxer `shim` calls (1.7's sandbox mode): passed on to the
 * sandboxer, which has the sandboxes.
 */
export function sandboxHandlers(preparer: Preparer): Handlers<typeof SandboxDefinition> {
  const call = <T>(work: (client: SandboxClient) => Promise<T>, timeoutMs = CALL_TIMEOUT_MS): Promise<T> =>
    preparer.connected(
      timeoutMs,
      (client, leftMs) => work(createClient(SandboxDefinition, client, { timeoutMs: leftMs })),
    );
  return {
    createSandbox: (request) => {
      const runtime = readOrigin(request.bundlePath)?.runtime ?? "";
      const annotations = { ...request.annotations, [RUNTIME_ANNOTATION]: runtime };
      return call((client) => client.createSandbox({ ...request, annotations }));
    },
    startSandbox: (request) => call((client) => client.startSandbox(request)),
    platform: (request) => call((client) => client.platform(request)),
    stopSandbox: (request) => call((client) => client.stopSandbox(request)),
    waitSandbox: async (request) => {
      for (;;) {
        try {
          return await call((client) => client.waitSandbox(request), WAIT_TIMEOUT_MS);
        } catch (error) {
          const own = asKuasarError(error);
          if (own.code !== "DEADLINE_EXCEEDED") throw own;
        }
      }
    },
    sandboxStatus: (request) => call((client) => client.sandboxStatus(request)),
    pingSandbox: (request) => call((client) => client.pingSandbox(request)),
    shutdownSandbox: (request) => call((client) => client.shutdownSandbox(request)),
    sandboxMetrics: (request) => call((client) => client.sandboxMetrics(request)),
  };
}
