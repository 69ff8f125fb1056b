import type { Handlers } from "../../lib/grpc/mod.ts";
import type { ControllerDefinition } from "../../lib/proto/gen/containerd/services/sandbox/v1/sandbox.ts";
import type { PrepareDefinition } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import type { Handlers as TtrpcHandlers } from "../../lib/ttrpc/mod.ts";
import type { Context } from "./context.ts";
import { createSandbox } from "./create.ts";
import { endSandbox } from "./give_up.ts";
import { sandboxMetrics } from "./metrics.ts";
import { guestPlatform } from "./platform.ts";
import { lookupSandbox, prepareContainer, releaseContainer } from "./prepare.ts";
import { shutdownSandbox } from "./shutdown.ts";
import { createStandalone } from "./standalone.ts";
import { startSandbox } from "./start.ts";
import { sandboxStatus } from "./status.ts";
import { stopSandbox } from "./stop.ts";
import { updateSandbox } from "./update.ts";
import { waitSandbox } from "./wait.ts";

/** The Sandbox API for containerd. */
export function controllerHandlers(context: Context): Handlers<typeof ControllerDefinition> {
  const { registry } = context;
  return {
    async create(request) {
      return createSandbox(context, request);
    },
    start: ({ sandboxId }, call) => startSandbox(context, sandboxId, call),
    async platform({ sandboxId }) {
      registry.get(sandboxId);
      return { platform: guestPlatform() };
    },
    async stop({ sandboxId, timeoutSecs }) {
      await stopSandbox(context, sandboxId, timeoutSecs);
      return {};
    },
    async wait({ sandboxId }, { cancelled }) {
      return await waitSandbox(context, sandboxId, cancelled);
    },
    async status({ sandboxId, verbose }) {
      return sandboxStatus(context, sandboxId, verbose);
    },
    async shutdown({ sandboxId }) {
      await shutdownSandbox(context, sandboxId);
      return {};
    },
    metrics: ({ sandboxId }) => sandboxMetrics(context, sandboxId),
    async update(request) {
      await updateSandbox(context, request);
      return {};
    },
  };
}

/** What the task server asks. */
export function prepareHandlers(context: Context): TtrpcHandlers<typeof PrepareDefinition> {
  return {
    lookup: ({ sandboxId }) => lookupSandbox(context, sandboxId),
    prepareContainer: (request) => prepareContainer(context, request),
    async releaseContainer(request) {
      await releaseContainer(context, request);
      return {};
    },
    async endSandbox(request) {
      await endSandbox(context, request);
      return {};
    },
    createStandalone: (request, call) => {
      const abort = new AbortController();
      call.onCancel((reason) => abort.abort(reason));
      return createStandalone(context, request, { cancelled: abort.signal });
    },
  };
}
