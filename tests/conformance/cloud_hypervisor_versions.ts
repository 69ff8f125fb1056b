import { rejects, strictEqual } from "node:assert/strict";
import { testsOf } from "../../drivers/contract/conformance/mod.ts";
import { startRequest } from "../../drivers/contract/testing/start_request.ts";
import { buildDir } from "../../lib/build/mod.ts";
import { grpcClient } from "../../lib/grpc/mod.ts";
import { MachineDefinition } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { writeCloudHypervisor } from "../standins/cloud_hypervisor/launcher.ts";
import type { StandInOptions } from "../standins/cloud_hypervisor/options.ts";
import { cloudHypervisorSubject } from "./cloud_hypervisor_subject.ts";
import { uptimeMs } from "./guest_calls.ts";
import { WITHOUT_SHARE } from "./snapshot_tests.ts";

/** The oldest that the driver speaks to, the last with errors as text, and the last without paging on demand. */
const VERSIONS = ["40.0.0", "46.0.0", "51.2.0"];

const OPTIONS = { timeoutMs: 120_000 };

/** A life with everything in it under stand-ins of other versions, which refuse what their originals would drop. */
export function cloudHypervisorVersionTests(): void {
  for (const version of VERSIONS) {
    testsOf(subject(version, { version }))(
      "a life with disks, other sizes and a snapshot",
      "none",
      async (process) => {
        const { client, runDir } = process;
        strictEqual((await client.info({})).version, `Cloud Hypervisor ${version}`);
        const machine = grpcClient(MachineDefinition, `${runDir}/driver-cloud-hypervisor.sock`);
        try {
          await process.start("s1", { share: WITHOUT_SHARE });
          const hostPath = `${runDir}/disk.img`;
          await Deno.writeFile(hostPath, new Uint8Array(1 << 20));
          const device = { hostPath, serial: "d1", readOnly: true };
          await client.attachBlock({ sandboxId: "s1", device });
          await client.detachBlock({ sandboxId: "s1", serial: "d1" });
          await machine.resize({ sandboxId: "s1", vcpus: 0, memoryMib: 200n });
          const directory = `${runDir}/snapshot`;
          await Deno.mkdir(directory);
          await machine.snapshot({ sandboxId: "s1", directory }, OPTIONS);
          await client.remove({ sandboxId: "s1" });
          const start = startRequest({ sandboxId: "s2" });
          const { guest } = await machine.restore({ start, directory, onDemand: true }, OPTIONS);
          await uptimeMs(guest!);
          await client.stop({ sandboxId: "s2", graceMs: 0 });
          await client.remove({ sandboxId: "s2" });
        } finally {
          machine.close();
        }
      },
    );
  }

  testsOf(subject("without userfaultfd", { withoutUserfaultfd: true }))(
    "a restore on demand is refused with the VMM's words, and one that copies works",
    "none",
    async (process) => {
      const machine = grpcClient(MachineDefinition, `${process.runDir}/driver-cloud-hypervisor.sock`);
      try {
        await process.start("s1", { share: WITHOUT_SHARE });
        const directory = `${process.runDir}/snapshot`;
        await Deno.mkdir(directory);
        await machine.snapshot({ sandboxId: "s1", directory }, OPTIONS);
        const start = startRequest({ sandboxId: "s2" });
        await rejects(machine.restore({ start, directory, onDemand: true }, OPTIONS), {
          code: "ABORTED",
          message: /userfaultfd is not available/,
        });
        await machine.restore({ start, directory, onDemand: false }, OPTIONS);
        for (const sandboxId of ["s1", "s2"]) await process.client.remove({ sandboxId });
      } finally {
        machine.close();
      }
    },
  );
}

function subject(name: string, options: Partial<StandInOptions>) {
  const path = `${buildDir}/standins/cloud-hypervisor-${name.replaceAll(" ", "-")}`;
  return {
    ...cloudHypervisorSubject({}, async () => {
      await Deno.mkdir(`${buildDir}/standins`, { recursive: true });
      await writeCloudHypervisor(path, options);
      return path;
    }),
    title: `cloud-hypervisor ${name}`,
  };
}
