import type { DriverUnderTest } from "../../drivers/contract/conformance/mod.ts";
import type { GuestEndpoint } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import { GuestDefinition } from "../../lib/proto/gen/kuasar/guest/v1/guest.ts";
import { ShareKind } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { connectGuest, GUEST_PORT } from "../../lib/transport/mod.ts";
import { createClient, TtrpcClient } from "../../lib/ttrpc/mod.ts";
import { root } from "../root.ts";
import { type GuestFiles, qemuConfig } from "./qemu_config.ts";

/** More than a busy guest without KVM needs. */
const GUEST_TIMEOUT_MS = 20_000;

/** The QEMU driver of this checkout with a guest of ours. */
export function qemuSubject(guest: GuestFiles): DriverUnderTest {
  return {
    name: "qemu",
    async command(runDir, fault) {
      const garbage = `${runDir}/garbage`;
      await Deno.writeTextFile(garbage, "neither a kernel nor an initrd\n".repeat(1000));
      const config = `${runDir}/qemu.toml`;
      await Deno.writeTextFile(config, qemuConfig(guest, fault, garbage));
      const main = `${root}/drivers/qemu/main.ts`;
      const flags = ["--run-dir", runDir, "--config", config, "--log-level", "error"];
      return [Deno.execPath(), "run", "--allow-all", "--no-check", "--quiet", main, ...flags];
    },
    async share(runDir) {
      const hostDir = `${runDir}/shared`;
      await Deno.mkdir(hostDir, { recursive: true });
      const guestDir = "/run/kuasar/state";
      return { kind: ShareKind.NINEP, tag: "kuasar", hostDir, socketPath: "", guestDir };
    },
    async powerOff(endpoint) {
      // The answer may be lost with the guest.
      await withGuest(endpoint, (guest) => guest.powerOff({}).then(() => {}, () => {}));
    },
    async ping(endpoint) {
      await withGuest(endpoint, (guest) => guest.info({}));
    },
  };
}

type Guest = ReturnType<typeof createClient<typeof GuestDefinition>>;

async function withGuest<T>(endpoint: GuestEndpoint, call: (guest: Guest) => Promise<T>): Promise<T> {
  const stream = await connectGuest(endpoint, GUEST_PORT.services, { timeoutMs: GUEST_TIMEOUT_MS });
  const client = new TtrpcClient(stream);
  try {
    return await call(createClient(GuestDefinition, client, { timeoutMs: GUEST_TIMEOUT_MS }));
  } finally {
    client.close();
  }
}
