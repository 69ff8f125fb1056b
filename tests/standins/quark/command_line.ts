/** A use of the program that the stand-in knows. */
export type Command =
  | { kind: "version" }
  | { kind: "sandbox"; root: string; id: string; taskSocket: string; pidFile: string }
  | { kind: "verb"; root: string; verb: string; id: string | undefined };

/** The program's own words for a command line that it cannot read; it ends with 101, as a panic of Rust does. */
export class UsageError extends Error {}

/** Every verb of the program; only `sandbox` does something in the mode that a sandboxer uses. */
const VERBS = [
  "run",
  "create",
  "start",
  "wait",
  "list",
  "cmd",
  "boot",
  "exec",
  "pause",
  "resume",
  "ps",
  "kill",
  "delete",
  "state",
  "sandbox",
];

const SANDBOX_FLAGS = ["--id", "--task-socket", "--pid-file"];

/** Reads the command line as `quark` does: flags for all verbs stand before the verb. @throws UsageError */
export function parseCommandLine(args: readonly string[]): Command {
  const rest = [...args];
  let root = "/run/qvisor";
  const value = (flag: string): string => {
    const found = rest.shift();
    if (found === undefined || found === "") throw new UsageError(`The argument '${flag}' requires a value`);
    return found;
  };
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--version" || word === "-V") return { kind: "version" };
    if (word === "-r" || word === "--root") root = value(word);
    else if (word === "--log" || word === "--log-format") value(word);
    else if (word === "--systemd-cgroup" || word === "-v") continue;
    else if (!VERBS.includes(word)) throw new UsageError(`Found argument '${word}' which wasn't expected`);
    else if (word === "sandbox") return sandbox(root, rest, value);
    else return { kind: "verb", root, verb: word, id: rest.at(-1) };
  }
  throw new UsageError("a subcommand is required");
}

function sandbox(root: string, rest: string[], value: (flag: string) => string): Command {
  const values = new Map<string, string>();
  for (let flag = rest.shift(); flag !== undefined; flag = rest.shift()) {
    if (!SANDBOX_FLAGS.includes(flag)) throw new UsageError(`Found argument '${flag}' which wasn't expected`);
    values.set(flag, value(flag));
  }
  const [id, taskSocket, pidFile] = SANDBOX_FLAGS.map((flag) => values.get(flag));
  if (id === undefined || taskSocket === undefined || pidFile === undefined) {
    throw new UsageError(`sandbox needs ${SANDBOX_FLAGS.join(", ")}`);
  }
  return { kind: "sandbox", root, id, taskSocket, pidFile };
}
