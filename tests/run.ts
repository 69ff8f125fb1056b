/**
 * `deno task test`: the static checks, then every test, in the order in which a failure is cheapest to find.
 * Stops at the first red and ends with one line that counts them all.
 */
import { findOnPath } from "../lib/files/mod.ts";
import { type DriverDeployment, DRIVERS } from "../deploy/drivers.ts";
import { hostTools } from "../deploy/host/mod.ts";
import { root } from "./root.ts";
import { testFiles, testsOf } from "./test_files.ts";

interface Stage {
  name: string;
  /** Arguments of deno. */
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** How its mounts spread; as here unless given. */
  mounts?: Propagation;
  /** True where the output is a test run whose counts are added up. */
  counts: boolean;
}

/**
 * In a mount namespace of the stage's own. systemd makes all mounts of a host shared, which changes what the kernel lets a
 * service do with its own; elsewhere, in a container that builds and tests, they are private.
 */
type Propagation = "shared" | "private";

/** What users do with a pod of any kind, files of tests/e2e. */
const POD_TESTS = ["lifecycle", "exec", "exit", "resources", "survival", "isolation"].map((name) =>
  `tests/e2e/${name}_test.ts`
);

const FILES = testFiles();

/** What depends on the OCI runtime and not on us: run by each of them, with crun all the rest too. */
const RUNTIME_TESTS = ["lifecycle", "exec", "exit", "resources", "runtime_calls"].map((name) =>
  `tests/e2e/${name}_test.ts`
);

/** What depends on how containerd reaches the stdio of containers. */
const STREAM_TESTS = ["lifecycle", "exec", "exit"].map((name) => `tests/e2e/${name}_test.ts`);
const STREAMING_TEST = "tests/e2e/streaming_test.ts";

/** What takes the place of a share where there is none, by choice or for want of one. */
const BLOCK_TEST = "tests/e2e/block_test.ts";

/** containerd without the Sandbox API: the shim programs, with containerd 2, both ways of 1.7, Docker, and nerdctl. */
const SHIM_TESTS = ["shim", "shim_containerd17", "shim_sandbox_mode", "docker", "nerdctl"].map((name) =>
  `tests/e2e/${name}_test.ts`
);

/** What only containers on the host's own kernel can be asked. */
const HOST_TESTS = ["task_server_death", "runtime_calls", "checkpoint"].map((name) =>
  `tests/e2e/${name}_test.ts`
);

/** The end-to-end tests of a driver; what has to do with the whole node is tested with the default one. */
function e2eOf(driver: DriverDeployment): readonly string[] {
  if (driver === DRIVERS[0]) return testsOf(FILES, "e2e");
  if (driver.name === "runc") return [...POD_TESTS, ...SHIM_TESTS, ...HOST_TESTS];
  // VMs differ in nothing that a shim program would notice.
  if (!driver.vm) return [...POD_TESTS, ...SHIM_TESTS];
  return [...POD_TESTS, BLOCK_TEST];
}

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

const STAGES: readonly Stage[] = [
  { name: "static checks", args: ["run", "-A", "tests/check.ts"], counts: false },
  { name: "set-up", args: ["run", "-A", "deploy/setup.ts"], counts: false },
  tests("unit tests", testsOf(FILES, "unit")),
  nodeTests("drivers and agent in real VMs", testsOf(FILES, "vm")),
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
  tests("an installation under systemd", testsOf(FILES, "systemd")),
  tests("a Debian host", testsOf(FILES, "host")),
];

/** runc, which the set-up fetches, and youki, which no Debian package has, where it is on the PATH. */
function otherRuntimes(): Stage[] {
  const youki = findOnPath("youki");
  if (youki === undefined) {
    console.log("skipped: end-to-end tests of kuasar-runc with youki, which is not on the PATH");
  }
  const stage = (name: string, path: string, files: readonly string[]) =>
    nodeTests(`end-to-end tests of kuasar-runc with ${name}`, files, {
      KUASAR_E2E_HANDLER: "kuasar-runc",
      KUASAR_E2E_OCI_RUNTIME: path,
    });
  return [
    stage("runc", hostTools().runc, [...RUNTIME_TESTS, "tests/e2e/checkpoint_test.ts"]),
    ...(youki === undefined ? [] : [stage("youki", youki, RUNTIME_TESTS)]),
  ];
}

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** A command line that runs `argv` in a mount namespace of its own. */
function inMountNamespace(argv: readonly string[], mounts: Propagation): string[] {
  // Private at first: what a test leaves mounted is not left on the host.
  const enter = `mount --make-r${mounts} / && exec "$@"`;
  return ["unshare", "--mount", "--propagation", "private", "sh", "-c", enter, "sh", ...argv];
}

/** Runs deno with `args`, showing its output as it comes, and reads the counts of its closing line. */
async function runStage(stage: Stage): Promise<{ code: number; counts: Counts }> {
  const argv = [Deno.execPath(), ...stage.args];
  const [program, ...args] = stage.mounts && Deno.uid() === 0 ? inMountNamespace(argv, stage.mounts) : argv;
  const child = new Deno.Command(program!, {
    args,
    cwd: root,
    env: { ...stage.env },
    stdout: "piped",
    stderr: "inherit",
  })
    .spawn();
  const decoder = new TextDecoder();
  let tail = "";
  for await (const chunk of child.stdout) {
    await Deno.stdout.write(chunk);
    tail = (tail + decoder.decode(chunk, { stream: true })).slice(-4096);
  }
  const { code } = await child.status;
  // deno-lint-ignore no-control-regex -- colours are stripped
  const plain = tail.replace(/\x1b\[[0-9;]*m/g, "");
  const count = (word: string) =>
    Number([...plain.matchAll(new RegExp(`(\\d+) ${word}`, "g"))].at(-1)?.[1] ?? 0);
  return { code, counts: { passed: count("passed"), failed: count("failed"), skipped: count("ignored") } };
}

if (import.meta.main) {
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  let exit = 0;
  for (const stage of STAGES) {
    console.log(`\n== ${stage.name} ==`);
    const begin = performance.now();
    const { code, counts } = await runStage(stage);
    console.log(
      `== ${stage.name}: ${code === 0 ? "ok" : "FAILED"} in ${
        ((performance.now() - begin) / 1000).toFixed(0)
      } s ==`,
    );
    if (stage.counts) {
      total.passed += counts.passed;
      total.failed += counts.failed;
      total.skipped += counts.skipped;
    }
    if (code !== 0) {
      exit = 1;
      total.failed ||= 1;
      break;
    }
  }
  console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  Deno.exit(exit);
}
