import { ok, strictEqual } from "node:assert/strict";
import { type DriverUnderTest, testsOf } from "../../drivers/contract/conformance/mod.ts";
import { buildDir } from "../../lib/build/mod.ts";
import { stratoVirt, writeStratoVirt } from "../standins/stratovirt/launcher.ts";
import { stratoVirtSubject } from "./stratovirt_subject.ts";

/** What StratoVirt has beyond the contract: its own confinement. */
export function stratoVirtDeviceTests(driver: DriverUnderTest): void {
  const test = testsOf(driver);

  test(
    "the VMM keeps its seccomp, and runs in a session of its own, in a namespace without links",
    "none",
    async (process) => {
      const { pid } = await process.start("s1", { vcpus: 2, memoryMib: 192n });
      const args = Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0");
      strictEqual(args.includes("-disable-seccomp"), false);
      strictEqual(args[args.indexOf("-smp") + 1], "cpus=2");
      strictEqual(args[args.indexOf("-m") + 1], "192M");
      ok(Deno.readLinkSync(`/proc/${pid}/ns/net`) !== Deno.readLinkSync("/proc/self/ns/net"));
      const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
      strictEqual(Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[3]), pid);
      await process.client.remove({ sandboxId: "s1" });
    },
  );
}

/** What only a stand-in does when it is told to. */
export function stratoVirtFaultTests(): void {
  const path = `${buildDir}/standins/stratovirt-loses-quit`;
  const test = testsOf({
    ...stratoVirtSubject("microvm", async () => {
      await Deno.mkdir(`${buildDir}/standins`, { recursive: true });
      await writeStratoVirt(path, { losesQuitReply: true });
      return {
        path,
        tools: { stratovirt: path, ...stratoVirt.settings },
        isStandIn: true,
        what: "a stand-in that loses answers",
      };
    }),
    title: "stratovirt that loses answers",
  });

  test(
    "a sandbox whose VMM is gone before it has answered `quit` is stopped all the same",
    "none",
    async (process) => {
      await process.start("s1");
      await process.client.stop({ sandboxId: "s1", graceMs: 0 });
      strictEqual((await process.wait("s1")).exitStatus, 0);
      await process.client.remove({ sandboxId: "s1" });
    },
  );
}
