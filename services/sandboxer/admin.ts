import type { Handlers } from "../../lib/grpc/mod.ts";
import type { AdminDefinition, SandboxSummary } from "../../lib/proto/gen/kuasar/admin/v1/admin.ts";
import type { Context } from "./context.ts";
import { attachDevice, detachDevice } from "./devices.ts";
import { toEndpoint } from "./guest.ts";
import { sandboxInfo } from "./info.ts";
import { resizeSandbox } from "./resize.ts";
import type { Sandbox } from "./sandbox.ts";
import { snapshotSandbox } from "./snapshot.ts";
import { toTimestamp } from "./time.ts";
import { toPhases } from "./timeline.ts";

/** The driver's part of an answer to a person may be missing, but not keep the rest waiting. */
const DRIVER_TIMEOUT_MS = 1000;

/** What kuasar-ctl asks. Ids may be unique prefixes. */
export function adminHandlers(context: Context): Handlers<typeof AdminDefinition> {
  const { registry } = context;
  return {
    async list() {
      return { sandboxes: registry.all().map((sandbox) => summary(context, sandbox)) };
    },
    async inspect({ id }) {
      const sandbox = registry.resolve(id);
      return {
        summary: summary(context, sandbox),
        guest: toEndpoint(sandbox.record.guest),
        consolePath: await consolePath(context, sandbox),
        json: JSON.stringify(sandboxInfo(registry, sandbox)),
      };
    },
    async metrics() {
      return { text: context.metrics.text(registry) };
    },
    resize({ id, vcpus, memoryMib }) {
      return resizeSandbox(context, registry.resolve(id), { vcpus, memoryMib });
    },
    attach(request) {
      return attachDevice(context, registry.resolve(request.id), request);
    },
    async detach({ id, name }) {
      await detachDevice(context, registry.resolve(id), name);
      return {};
    },
    async snapshot({ id, directory }) {
      await snapshotSandbox(context, registry.resolve(id), directory);
      return {};
    },
    async timeline({ id }) {
      const { record } = registry.resolve(id);
      return { id: record.id, phases: toPhases(record.phases) };
    },
  };
}

function summary({ registry }: Context, { record }: Sandbox): SandboxSummary {
  const { id, name, namespace, driver, state, pid, createdAtMs } = record;
  const containers = registry.containers(id).length;
  return { id, name, namespace, driver, state, pid, createdAt: toTimestamp(createdAtMs), containers };
}

async function consolePath({ peers }: Context, { id, record }: Sandbox): Promise<string> {
  if (record.state === "created") return "";
  try {
    const status = await peers.driver(record.driver).status({ sandboxId: id }, {
      timeoutMs: DRIVER_TIMEOUT_MS,
    });
    return status.consolePath;
  } catch {
    // A sandbox that has ended has no console, and a driver that restarts cannot tell.
    return "";
  }
}
