import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { loadFirecrackerConfig } from "./config.ts";
import { Firecracker } from "./hypervisor.ts";
import { atLeast, parseBuild, versionNotes } from "./version.ts";

Deno.test("the program's own words are read", () => {
  deepStrictEqual(parseBuild("Firecracker v1.14.0\n\n\n"), {
    text: "Firecracker 1.14.0",
    major: 1,
    minor: 14,
  });
  strictEqual(parseBuild("Firecracker v1.17.0-dev\n")?.text, "Firecracker 1.17.0-dev");
  for (const other of ["", "cloud-hypervisor v53.0", "firecracker 1.14"]) {
    strictEqual(parseBuild(other), undefined);
  }
});

Deno.test("versions that were not tried are told", () => {
  const notes = (version: string) => versionNotes(parseBuild(`Firecracker v${version}`)!);
  match(notes("1.13.1")[0]!, /older/);
  deepStrictEqual(notes("1.14.0"), []);
  deepStrictEqual(notes("1.16.1"), []);
  match(notes("1.17.0")[0]!, /newer/);
  match(notes("2.0.0")[0]!, /newer/);
});

Deno.test("minor versions count within their major one", () => {
  const build = { text: "", major: 2, minor: 0 };
  strictEqual(atLeast(build, { major: 1, minor: 14 }), true);
  strictEqual(atLeast(build, { major: 2, minor: 1 }), false);
});

Deno.test("a program that has told no version is told with the reason, in the notes and by each start", async () => {
  const silence = "Cannot learn the version of /vmm: it does not answer `--version` within 60 s";
  const facts = { arch: "x86_64", cpuinfo: "flags : vmx", kvmProblem: undefined } as const;
  const driver = new Firecracker(
    loadFirecrackerConfig(undefined),
    { version: undefined, notes: [silence] },
    facts,
  );
  ok(driver.notes.includes(silence));
  await rejects(driver.launch({} as never), {
    code: "FAILED_PRECONDITION",
    message: /does not answer `--version` within 60 s/,
  });
});
