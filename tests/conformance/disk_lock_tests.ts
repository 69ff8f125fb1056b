import { rejects } from "node:assert/strict";
import { type DriverUnderTest, testsOf } from "../../drivers/contract/conformance/mod.ts";

/** A file that is two VMs' disk, for drivers whose VMMs lock their disks. */
export function diskLockTests(driver: DriverUnderTest): void {
  testsOf(driver)("a disk that one sandbox writes is no other's", "none", async (process) => {
    const { client } = process;
    const hostPath = `${process.runDir}/disk.img`;
    await Deno.writeFile(hostPath, new Uint8Array(1 << 20));
    const attach = (sandboxId: string, readOnly: boolean) =>
      client.attachBlock({ sandboxId, device: { hostPath, serial: "d1", readOnly } }, { timeoutMs: 60_000 });
    for (const sandboxId of ["s1", "s2"]) await process.start(sandboxId);
    await attach("s1", false);
    await rejects(attach("s2", false));
    await rejects(attach("s2", true));
    // What was refused has left nothing, and what was given back is free.
    await client.detachBlock({ sandboxId: "s1", serial: "d1" });
    await attach("s2", true);
    await attach("s1", true);
    for (const sandboxId of ["s1", "s2"]) await client.remove({ sandboxId });
    await process.start("s3");
    await attach("s3", false);
    await client.remove({ sandboxId: "s3" });
  });
}
