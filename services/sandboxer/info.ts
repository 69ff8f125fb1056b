import type { Registry } from "./registry.ts";
import type { Sandbox } from "./sandbox.ts";

/** What a person may want to know of a sandbox, ready for JSON. */
export function sandboxInfo(registry: Registry, { record }: Sandbox): Record<string, unknown> {
  const { podConfig: _, phases: __, createdAtMs, exit, guest, ...rest } = record;
  return {
    ...rest,
    // Without its secret: people paste this into reports.
    ...(guest && { guest: { ...guest, secret: undefined } }),
    createdAt: new Date(createdAtMs).toISOString(),
    exit: exit && { status: exit.status, at: new Date(exit.atMs).toISOString() },
    containers: registry.containers(record.id).map(({ containerId, devices }) => ({
      id: containerId,
      devices: devices.map(({ serial, hostPath, readOnly }) => ({ serial, hostPath, readOnly })),
    })),
  };
}
