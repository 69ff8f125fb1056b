/**
 * `deno task test`: the static checks, then every test, in the order in which a failure is cheapest to find.
 * Stops at the first red and ends with one line that counts them all.
 */
import { root } from "./root.ts";

interface Stage {
  name: string;
  /** Arguments of deno. */
  args: readonly string[];
  /** True where the output is a test run whose counts are added up. */
  counts: boolean;
}

const UNIT = ["lib", "services", "drivers", "guest", "kernel", "image", "deploy"];

const E2E = [
  "lifecycle",
  "exec",
  "exit",
  "resources",
  "survival",
  "bad_input",
  "missing_kernel",
  "ctl",
  "start",
];

const STAGES: readonly Stage[] = [
  { name: "static checks", args: ["run", "-A", "tests/check.ts"], counts: false },
  { name: "set-up", args: ["run", "-A", "deploy/setup.ts"], counts: false },
  {
    name: "unit tests",
    args: ["test", "-A", "--no-check", "--fail-fast", ...UNIT, "tests/architecture_test.ts"],
    counts: true,
  },
  {
    name: "drivers and agent in real VMs",
    args: ["test", "-A", "--no-check", "--fail-fast", "tests/conformance", "tests/guest"],
    counts: true,
  },
  {
    name: "end-to-end tests",
    args: ["test", "-A", "--no-check", "--fail-fast", ...E2E.map((file) => `tests/e2e/${file}_test.ts`)],
    counts: true,
  },
];

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** Runs deno with `args`, showing its output as it comes, and reads the counts of its closing line. */
async function runStage(stage: Stage): Promise<{ code: number; counts: Counts }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...stage.args],
    cwd: root,
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
