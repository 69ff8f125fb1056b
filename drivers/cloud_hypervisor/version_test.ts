import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { loadCloudHypervisorConfig } from "./config.ts";
import { CloudHypervisor } from "./hypervisor.ts";
import { atLeast, parseBuild, versionNotes } from "./version.ts";

Deno.test("a build says its version and its features", () => {
  deepStrictEqual(parseBuild('cloud-hypervisor v53.0.0\nEnabled features: ["kvm", "io_uring"]\n'), {
    text: "Cloud Hypervisor 53.0.0",
    version: { major: 53, minor: 0 },
    features: ["kvm", "io_uring"],
  });
  deepStrictEqual(parseBuild("cloud-hypervisor v40\n")?.version, { major: 40, minor: 0 });
  deepStrictEqual(parseBuild("cloud-hypervisor v51.2-3-gabc\n")?.version, { major: 51, minor: 2 });
  deepStrictEqual(parseBuild("cloud-hypervisor v45.0\n")?.features, ["kvm"]);
  strictEqual(parseBuild("QEMU emulator version 10.0\n"), undefined);
});

Deno.test("versions are compared by number", () => {
  strictEqual(atLeast({ major: 50, minor: 1 }, 50, 1), true);
  strictEqual(atLeast({ major: 50, minor: 0 }, 50, 1), false);
  strictEqual(atLeast({ major: 101, minor: 0 }, 53), true);
});

for (
  const [version, notes] of [["39.0", 1], ["40.0", 1], ["51.1", 1], ["51.2", 0], ["53.0", 0], ["54.0", 1]]
) {
  Deno.test(`v${version} has ${notes} notes`, () => {
    strictEqual(versionNotes(parseBuild(`cloud-hypervisor v${version}`)!).length, notes);
  });
}

Deno.test("a program that has told no version is told with the reason, in the notes and by each start", async () => {
  const silence = "Cannot learn the version of /vmm: it does not answer `--version` within 60 s";
  const facts = { arch: "x86_64", cpuinfo: "flags : vmx", kvmProblem: undefined } as const;
  const driver = new CloudHypervisor(loadCloudHypervisorConfig(undefined), {
    version: undefined,
    notes: [silence],
  }, facts);
  ok(driver.notes.includes(silence));
  await rejects(driver.reconnect({} as never), {
    code: "FAILED_PRECONDITION",
    message: /does not answer `--version` within 60 s/,
  });
});
