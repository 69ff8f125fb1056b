import { asKuasarError } from "../../lib/errors/mod.ts";
import { RUNTIME_ANNOTATION } from "../../lib/oci/mod.ts";
import { SandboxDefinition } from "../../lib/proto/gen/containerd/runtime/sandbox/v1/sandbox.ts";
import { type CallContext, createClient, type Handlers, type TypedClient } from "../../lib/ttrpc/mod.ts";
import { readOrigin } from "../shim/origin.ts";
import { type CallLimits, configuredElsewhere } from "./call_limits.ts";
import type { Preparer } from "./prepare.ts";

type SandboxClient = TypedClient<typeof SandboxDefinition>;

/** A sandbox may live for years; a timer cannot. */
const WAIT_TIMEOUT_MS = 20 * 24 * 3_600_000;

/**
 * The sandbox API of a shim, which containerd's own sandboxer `shim` calls (1.7's sandbox mode): passed on to the
 * sandboxer, which has the sandboxes.
 */
export function sandboxHandlers(preparer: Preparer): Handlers<typeof SandboxDefinition> {
  const within = <T>(limits: CallLimits, work: (client: SandboxClient) => Promise<T>): Promise<T> =>
    preparer.connected(
      limits,
      (client, leftMs) => work(createClient(SandboxDefinition, client, { timeoutMs: leftMs })),
    );
  const call = <T>(work: (client: SandboxClient) => Promise<T>, { deadlineMs }: CallContext): Promise<T> =>
    within(configuredElsewhere(deadlineMs), work);
  return {
    createSandbox: (request, context) => {
      const runtime = readOrigin(request.bundlePath)?.runtime ?? "";
      const annotations = { ...request.annotations, [RUNTIME_ANNOTATION]: runtime };
      return call((client) => client.createSandbox({ ...request, annotations }), context);
    },
    startSandbox: (request, context) => call((client) => client.startSandbox(request), context),
    platform: (request, context) => call((client) => client.platform(request), context),
    stopSandbox: (request, context) => call((client) => client.stopSandbox(request), context),
    waitSandbox: async (request) => {
      for (;;) {
        try {
          return await within({ timeoutMs: WAIT_TIMEOUT_MS }, (client) => client.waitSandbox(request));
        } catch (error) {
          const own = asKuasarError(error);
          if (own.code !== "DEADLINE_EXCEEDED") throw own;
        }
      }
    },
    sandboxStatus: (request, context) => call((client) => client.sandboxStatus(request), context),
    pingSandbox: (request, context) => call((client) => client.pingSandbox(request), context),
    shutdownSandbox: (request, context) => call((client) => client.shutdownSandbox(request), context),
    sandboxMetrics: (request, context) => call((client) => client.sandboxMetrics(request), context),
  };
}
