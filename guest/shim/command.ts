/** What containerd asks of a shim binary. */
export type Verb = "info" | "version" | "start" | "delete" | "unknown";

/** A call of the shim binary: flags with one dash or two, then a verb. */
export interface Command {
  verb: Verb;
  /** Of the task, or of the sandbox in containerd's sandbox mode. */
  id: string;
}

/** Flags without a value. */
const SWITCHES = new Set(["debug", "info", "v"]);

/** Reads the arguments behind the program's name. Flags take their value in the next argument or behind `=`. */
export function parseCommand(args: readonly string[]): Command {
  const command: Command = { verb: "unknown", id: "" };
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    const flag = /^--?([^=]+)(?:=(.*))?$/s.exec(arg);
    if (!flag) return arg === "start" || arg === "delete" ? { ...command, verb: arg } : command;
    const name = flag[1]!;
    if (name === "info") return { ...command, verb: "info" };
    if (name === "v") return { ...command, verb: "version" };
    if (SWITCHES.has(name)) continue;
    const value = flag[2] ?? args[++i] ?? "";
    if (name === "id") command.id = value;
  }
  return command;
}
