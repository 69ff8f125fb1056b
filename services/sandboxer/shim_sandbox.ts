import { KuasarError } from "../../lib/errors/mod.ts";
import type { SandboxDefinition } from "../../lib/proto/gen/containerd/runtime/sandbox/v1/sandbox.ts";
import type { CallContext, Handlers } from "../../lib/ttrpc/mod.ts";
import { checkId, RUNTIME_ANNOTATION } from "../../lib/oci/mod.ts";
import type { Context } from "./context.ts";
import { noteSandbox } from "./create.ts";
import { criDirOf } from "./cri_files.ts";
import { sandboxMetrics } from "./metrics.ts";
import { guestPlatform } from "./platform.ts";
import { decodePodConfig } from "./pod_config.ts";
import { shutdownSandbox } from "./shutdown.ts";
import { runtimeHandlerOf } from "./standalone.ts";
import { startSandbox } from "./start.ts";
import { sandboxStatus } from "./status.ts";
import { stopSandbox } from "./stop.ts";
import { waitSandbox } from "./wait.ts";

/** Aborted when the caller of a ttrpc method has gone. */
function cancelledBy(call: CallContext): AbortSignal {
  const abort = new AbortController();
  call.onCancel((reason) => abort.abort(reason));
  return abort.signal;
}

/** The API of containerd's own sandboxer `shim`: the same sandboxes by other messages. */
export function shimSandboxHandlers(context: Context): Handlers<typeof SandboxDefinition> {
  const { registry } = context;
  return {
    createSandbox: ({ sandboxId, bundlePath, options, netnsPath, annotations }) => {
      const runtime = annotations[RUNTIME_ANNOTATION];
      if (runtime === undefined) {
        throw new KuasarError(
          "INVALID_ARGUMENT",
          `Cannot create sandbox ${sandboxId}: its runtime is not told`,
        );
      }
      noteSandbox(context, {
        id: checkId(sandboxId, "sandbox id"),
        runtimeHandler: runtimeHandlerOf(runtime),
        pod: decodePodConfig(options),
        podConfig: options?.value ?? new Uint8Array(0),
        netnsPath,
        labels: {},
        criDir: criDirOf(bundlePath, sandboxId),
      });
      return {};
    },
    startSandbox: async ({ sandboxId }, call) => {
      const { pid, createdAt } = await startSandbox(context, sandboxId, { cancelled: cancelledBy(call) });
      return { pid, createdAt };
    },
    platform: ({ sandboxId }) => {
      registry.get(sandboxId);
      return { platform: guestPlatform() };
    },
    stopSandbox: async ({ sandboxId, timeoutSecs }) => {
      await stopSandbox(context, sandboxId, timeoutSecs);
      return {};
    },
    waitSandbox: ({ sandboxId }, call) => waitSandbox(context, sandboxId, cancelledBy(call)),
    sandboxStatus: ({ sandboxId, verbose }) => sandboxStatus(context, sandboxId, verbose),
    pingSandbox: ({ sandboxId }) => {
      registry.get(sandboxId);
      return {};
    },
    shutdownSandbox: async ({ sandboxId }) => {
      await shutdownSandbox(context, sandboxId);
      return {};
    },
    sandboxMetrics: ({ sandboxId }) => sandboxMetrics(context, sandboxId),
  };
}
