import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { parse, stringify } from "@std/toml";
import { KuasarError } from "../errors/mod.ts";
import { boolean, integer, list, loadConfig, map, number, parseConfig, table, text } from "./mod.ts";
import { editDistance } from "./nearest.ts";
import { findKeyLines, lineOf } from "./positions.ts";

const SCHEMA = table({
  sandbox: table({
    log_level: text({ default: "info", oneOf: ["debug", "info", "error"] }),
    enable_tracing: boolean({ default: false }),
  }),
  hypervisor: table({
    path: text({ help: "The program" }),
    vcpus: integer({ default: 1, min: 1, max: 255 }),
    share: number({ default: 0.5, min: 0, max: 1 }),
    kernel_params: list(text(), { default: ["quiet"] }),
    labels: map(text()),
  }),
});

const problem = (source: string): string => {
  try {
    parseConfig(SCHEMA, source, "k.toml");
  } catch (error) {
    ok(error instanceof KuasarError && error.code === "INVALID_ARGUMENT", String(error));
    return error.evidence[0] ?? error.message;
  }
  throw new Error("was accepted");
};

Deno.test("an empty file gives the defaults, typed", () => {
  const config = parseConfig(SCHEMA, "");
  const level: "debug" | "info" | "error" = config.sandbox.log_level;
  const path: string | undefined = config.hypervisor.path;
  strictEqual(level, "info");
  strictEqual(path, undefined);
  deepStrictEqual(config.hypervisor.kernel_params, ["quiet"]);
  deepStrictEqual(loadConfig(SCHEMA, undefined), config);
});

Deno.test("values of the file win over defaults", () => {
  const { hypervisor } = parseConfig(SCHEMA, `hypervisor = { vcpus = 4, share = 1, labels = { a = "b" } }`);
  strictEqual(hypervisor.vcpus, 4);
  strictEqual(hypervisor.share, 1);
  deepStrictEqual(hypervisor.labels, { a: "b" });
});

for (
  const [source, expected] of [
    [`[hypervisor]\n\nvcpu = 2`, `k.toml:3: unknown key "hypervisor.vcpu", did you mean "hypervisor.vcpus"?`],
    [
      `[hypervisor]\nlog-level = "x"`,
      `k.toml:2: unknown key "hypervisor.log-level", did you mean "sandbox.log_level"?`,
    ],
    [`zzzz = 2`, `k.toml:1: unknown key "zzzz", valid keys here are sandbox, hypervisor`],
    [`[hypervisr]\nvcpus = 2`, `k.toml:1: unknown key "hypervisr", did you mean "hypervisor"?`],
    [
      `# c\n[hypervisor]\nkernel_params = [ # x = 1\n "a]",\n]\nvcpus = "2"`,
      `k.toml:6: "hypervisor.vcpus" must be of type integer, current value is "2" (string)`,
    ],
    [`hypervisor.vcpus = 300`, `k.toml:1: "hypervisor.vcpus" must be at most 255, current value is 300`],
    [
      `[hypervisor]\nvcpus = 1.5`,
      `k.toml:2: "hypervisor.vcpus" must be of type integer, current value is 1.5 (number)`,
    ],
    [
      `[sandbox]\nlog_level = "debgu"`,
      `k.toml:2: "sandbox.log_level" must be one of debug, info, error (did you mean "debug"?), current value is "debgu"`,
    ],
    [`hypervisor = 3`, `k.toml:1: "hypervisor" must be of type table, current value is 3 (integer)`],
    [
      `[hypervisor]\nkernel_params = ["a", 2]`,
      `k.toml:2: "hypervisor.kernel_params.1" must be of type string, current value is 2 (integer)`,
    ],
  ] as const
) {
  Deno.test(`bad configuration: ${expected}`, () => strictEqual(problem(source), expected));
}

Deno.test("a syntax error has its line and column", () => {
  ok(problem("[sandbox]\nlog_level = \n").startsWith("k.toml:2:"));
  ok(problem("[sandbox]\n__proto__ = 1").startsWith("k.toml:2:"));
});

Deno.test("drop-ins are merged in name order and every problem is reported at once", () => {
  const directory = Deno.makeTempDirSync();
  const file = `${directory}/k.toml`;
  try {
    throws(() => loadConfig(SCHEMA, file), { code: "NOT_FOUND" });
    Deno.writeTextFileSync(file, `[hypervisor]\nvcpus = 2\npath = "/a"\n`);
    strictEqual(loadConfig(SCHEMA, file).hypervisor.vcpus, 2);
    Deno.mkdirSync(`${file}.d`);
    Deno.writeTextFileSync(`${file}.d/20.toml`, `[hypervisor]\nvcpus = 8`);
    Deno.writeTextFileSync(`${file}.d/10.toml`, `[hypervisor]\nvcpus = 4\nkernel_params = []`);
    Deno.writeTextFileSync(`${file}.d/notes.txt`, `not toml`);
    const { hypervisor } = loadConfig(SCHEMA, file);
    deepStrictEqual([hypervisor.path, hypervisor.vcpus, hypervisor.kernel_params], ["/a", 8, []]);

    Deno.writeTextFileSync(`${file}.d/30.toml`, `[hypervisor]\nvcpus = 0\nnope = 1`);
    Deno.writeTextFileSync(`${file}.d/40.toml`, `[sandbox`);
    throws(() => loadConfig(SCHEMA, file), (error: unknown) => {
      ok(error instanceof KuasarError);
      deepStrictEqual(error.evidence.map((line) => line.slice(directory.length).split(" ")[0]), [
        "/k.toml.d/30.toml:2:",
        "/k.toml.d/30.toml:3:",
        "/k.toml.d/40.toml:1:2:",
      ]);
      return true;
    });
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("the line of every key is found, whatever its value", () => {
  const key = fc.stringMatching(/^[a-z]{1,8}$/);
  const value = fc.oneof(
    fc.string(),
    fc.integer(),
    fc.boolean(),
    fc.array(fc.string(), { maxLength: 3 }),
    fc.constant('"]}#=\n'),
  );
  fc.assert(
    fc.property(
      fc.dictionary(key, fc.dictionary(key, value, { noNullPrototype: true }), { noNullPrototype: true }),
      (tables) => {
        const source = stringify(tables);
        parse(source);
        const lines = findKeyLines(source);
        const rows = source.split("\n");
        for (const [name, keys] of Object.entries(tables)) {
          for (const inner of Object.keys(keys)) {
            ok(rows[lineOf(lines, [name, inner])! - 1]!.startsWith(`${inner} = `), source);
          }
        }
      },
    ),
  );
});

Deno.test("multi-line strings, dotted and quoted keys do not shift lines", () => {
  const source = `a = """\nb = 1\n"""""\nc."d.e".f = '''\n'\n'''\n\n[["x y".z]]\nlast = 1 # [no]\n`;
  parse(source);
  const lines = findKeyLines(source);
  strictEqual(lineOf(lines, ["a"]), 1);
  strictEqual(lineOf(lines, ["b"]), undefined);
  strictEqual(lineOf(lines, ["c", "d.e", "f"]), 4);
  strictEqual(lineOf(lines, ["x y", "z", "last"]), 9);
});

Deno.test("the edit distance is a metric that knows swaps", () => {
  strictEqual(editDistance("vcpus", "vpcus"), 1);
  strictEqual(editDistance("", "abc"), 3);
  fc.assert(fc.property(fc.string(), fc.string(), (left, right) => {
    strictEqual(editDistance(left, right), editDistance(right, left));
    strictEqual(editDistance(left, right) === 0, left === right);
  }));
});
