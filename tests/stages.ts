import { findOnPath } from "../lib/files/mod.ts";
import { DRIVERS } from "../deploy/drivers.ts";
import { hostTools } from "../deploy/host/mod.ts";
import { CHECKPOINT_TEST, e2eOf, RUNTIME_TESTS, STREAM_TESTS, STREAMING_TEST } from "./e2e_files.ts";
import { testFiles, testsOf } from "./test_files.ts";

/** What one process of `deno task test` runs. */
export interface Stage {
  name: string;
  /** Arguments of deno. */
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** Nothing runs beside it: all that follows needs what it finds or makes. */
  alone?: boolean;
  /** How its mounts spread; as here unless given. */
  mounts?: Propagation;
  /** True where the output is a test run whose counts are added up. */
  counts: boolean;
}

/**
 * In a mount namespace of the stage's own. systemd makes all mounts of a host shared, which changes what the kernel lets a
 * service do with its own; elsewhere, in a container that builds and tests, they are private.
 */
export type Propagation = "shared" | "private";

const FILES = testFiles();

function tests(
  name: string,
  files: readonly string[],
  env: Readonly<Record<string, string>> = {},
  mounts?: Propagation,
): Stage {
  const args = ["test", "-A", "--no-check", "--fail-fast", ...files];
  return { name, args, env, counts: true, ...(mounts ? { mounts } : {}) };
}

/** Tests that start nodes or drivers. */
function nodeTests(
  name: string,
  files: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Stage {
  return tests(name, files, env, "shared");
}

/** Whose pods are tested where mounts are private: one that shares files with its guests. */
const PRIVATE_DRIVER = "cloud-hypervisor";

/** What every driver has to do, with real VMs: much the longest of what needs any. */
const CONFORMANCE = testsOf(FILES, "vm").filter((file) => file.startsWith("tests/conformance/"));

/** No Debian package has it. */
const youki = findOnPath("youki");

/** What this machine cannot run, with the reason. */
export const SKIPPED: readonly string[] = youki === undefined
  ? ["end-to-end tests of kuasar-runc with youki, which is not on the PATH"]
  : [];

/** Everything that is tested, in the order in which a failure is cheapest to find. */
export const STAGES: readonly Stage[] = [
  { name: "static checks", args: ["run", "-A", "tests/check.ts"], alone: true, counts: false },
  { name: "set-up", args: ["run", "-A", "deploy/setup.ts"], alone: true, counts: false },
  tests("unit tests", testsOf(FILES, "unit")),
  nodeTests("drivers in real VMs", CONFORMANCE),
  nodeTests("agent and stand-ins", testsOf(FILES, "vm").filter((file) => !CONFORMANCE.includes(file))),
  ...DRIVERS.map((driver) => {
    // The last name: where there is an alias, it is tested with that.
    const handler = driver.handlers.at(-1)!;
    const name = `end-to-end tests of ${handler}`;
    const env = { KUASAR_E2E_HANDLER: handler };
    if (driver.name !== PRIVATE_DRIVER) return nodeTests(name, e2eOf(driver), env);
    return tests(`${name}, with private mounts`, e2eOf(driver), env, "private");
  }),
  ...otherRuntimes(),
  nodeTests("end-to-end tests of kuasar-runc with stdio over streams", [...STREAM_TESTS, STREAMING_TEST], {
    KUASAR_E2E_HANDLER: "kuasar-runc",
    KUASAR_E2E_IO: "streaming",
  }),
  nodeTests("parity with runc", testsOf(FILES, "parity")),
  tests("an installation under systemd", testsOf(FILES, "systemd")),
  tests("a Debian host", testsOf(FILES, "host")),
];

/** runc, which the set-up fetches, and youki. */
function otherRuntimes(): Stage[] {
  const stage = (name: string, path: string, files: readonly string[]) =>
    nodeTests(`end-to-end tests of kuasar-runc with ${name}`, files, {
      KUASAR_E2E_HANDLER: "kuasar-runc",
      KUASAR_E2E_OCI_RUNTIME: path,
    });
  return [
    stage("runc", hostTools().runc, [...RUNTIME_TESTS, CHECKPOINT_TEST]),
    ...(youki === undefined ? [] : [stage("youki", youki, RUNTIME_TESTS)]),
  ];
}
