import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { formatHelp, inheritedFd, parseFlags, VERSION } from "./mod.ts";

const TABLE = {
  "run-dir": { kind: "string", default: "/run/kuasar", placeholder: "DIR", help: "Where" },
  "count": { kind: "integer", help: "How many" },
  "force": { kind: "boolean", help: "Really" },
  "level": { kind: "string", oneOf: ["low", "high"], default: "low", help: "Level" },
  "kinds": { kind: "string", anyOf: ["a", "b", "c"], help: "Some" },
} as const;

Deno.test("flags are typed and have defaults", () => {
  const values = parseFlags(TABLE, ["--count", "5", "--force", "--level=high"]);
  const runDir: string = values["run-dir"];
  strictEqual(runDir, "/run/kuasar");
  strictEqual(values.count, 5);
  strictEqual(values.force, true);
  strictEqual(values.level, "high");
  strictEqual(parseFlags(TABLE, []).count, undefined);
  strictEqual(parseFlags(TABLE, ["--kinds", "c,a"]).kinds, "c,a");
});

for (
  const [args, reason] of [
    [["--nope"], /no such flag/],
    [["stray"], /no such flag/],
    [["--toString"], /no such flag/],
    [["--count"], /missing/],
    [["--count", "five"], /not an integer/],
    [["--level", "mid"], /one of low, high/],
    [["--force=yes"], /takes no value/],
    [["--kinds", "a,d"], /"d" is none of a, b, c/],
    [["--kinds", ""], /"" is none of/],
  ] as const
) {
  Deno.test(`the arguments ${args.join(" ")} are refused`, () => {
    throws(() => parseFlags(TABLE, args), { code: "INVALID_ARGUMENT", message: reason });
  });
}

Deno.test("the help names every flag with its default", () => {
  const help = formatHelp({ name: "kuasar-x", summary: "does x", flags: TABLE });
  for (const flag of Object.keys(TABLE)) ok(help.includes(`--${flag}`));
  ok(help.includes("--run-dir DIR"));
  ok(help.includes("[default: /run/kuasar]"));
});

Deno.test("inherited sockets are found by name", () => {
  const from = (environment: Record<string, string>) => (name: string) =>
    inheritedFd(name, (key) => environment[key]);
  strictEqual(from({})("a"), undefined);
  strictEqual(from({ LISTEN_FDS: "1" })("a"), 3);
  strictEqual(from({ LISTEN_FDS: "2", LISTEN_FDNAMES: "a:b" })("b"), 4);
  strictEqual(from({ LISTEN_FDS: "2", LISTEN_FDNAMES: "a:b" })("c"), undefined);
  strictEqual(from({ LISTEN_FDS: "1", LISTEN_PID: String(Deno.pid + 1) })("a"), undefined);
  strictEqual(from({ LISTEN_FDS: "1", LISTEN_PID: String(Deno.pid) })("a"), 3);
});

Deno.test("inherited sockets are kept from the programs that a service starts", async () => {
  const directory = Deno.makeTempDirSync();
  try {
    const script = `exec 3</dev/null 4</dev/null; exec "$@"`;
    const child = new Deno.Command("sh", {
      args: ["-c", script, "sh", Deno.execPath(), "run", "-A", MAIN, "--run-dir", directory],
      env: { LISTEN_FDS: "1", LISTEN_FDNAMES: "a" },
      stderr: "piped",
    }).spawn();
    let stderr = "";
    for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
      stderr += chunk;
      if (stderr.includes("msg=Ready")) break;
    }
    const closedOnExec = [3, 4].map((fd) => {
      const flags = /^flags:\s+(\d+)/m.exec(Deno.readTextFileSync(`/proc/${child.pid}/fdinfo/${fd}`))![1]!;
      return (parseInt(flags, 8) & O_CLOEXEC) !== 0;
    });
    child.kill("SIGKILL");
    await child.status;
    deepStrictEqual(closedOnExec, [true, false], "the second was handed over by nobody");
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

const O_CLOEXEC = 0o2000000;
const MAIN = new URL("./testdata/example_service.ts", import.meta.url).pathname;

async function run(args: string[], whenReady?: (child: Deno.ChildProcess) => void) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", MAIN, ...args],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stdout = new Response(child.stdout).text();
  let stderr = "";
  for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
    stderr += chunk;
    if (stderr.includes("msg=Ready") && whenReady) {
      whenReady(child);
      whenReady = undefined;
    }
  }
  return { code: (await child.status).code, stdout: await stdout, stderr };
}

Deno.test("a service becomes ready, stops by SIGTERM, runs its stop steps backwards", async () => {
  const directory = Deno.makeTempDirSync();
  try {
    const { code, stderr } = await run(["--run-dir", directory], (child) => child.kill("SIGTERM"));
    strictEqual(code, 0);
    ok(stderr.indexOf("msg=second") < stderr.indexOf("msg=first"), stderr);
    ok(stderr.includes("Nobody handled a rejection"), stderr);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("exit codes: help and version 0, usage and configuration 2", async () => {
  const directory = Deno.makeTempDirSync();
  try {
    strictEqual((await run(["--version"])).stdout, `example ${VERSION}\n`);
    strictEqual((await run(["--help"])).code, 0);
    strictEqual((await run(["--bad"])).code, 2);
    const failed = await run(["--run-dir", directory, "--fail"]);
    strictEqual(failed.code, 2);
    ok(failed.stderr.includes("Cannot use the configuration"));
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});
