/**
 * `deno task check`: format, lint, types and the dependency arrows; fails on the first that is not clean.
 */
import { root } from "./root.ts";

const STEPS: readonly (readonly string[])[] = [
  ["fmt", "--check", "--quiet"],
  ["lint", "--quiet"],
  ["check", "--quiet", "."],
  ["test", "-A", "--quiet", "tests/architecture_test.ts"],
];

if (import.meta.main) {
  for (const args of STEPS) {
    console.error(`check: deno ${args.join(" ")}`);
    const { code } = await new Deno.Command(Deno.execPath(), { args: [...args], cwd: root }).spawn().status;
    if (code !== 0) Deno.exit(code);
  }
}
