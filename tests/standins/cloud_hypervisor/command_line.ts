/** What the real program's command line says. */
export interface CommandLine {
  api: { fd: number } | { path: string };
  events: { fd: number } | { path: string } | undefined;
  logFile: string | undefined;
  seccomp: "true" | "false" | "log" | "errno";
  landlock: boolean;
  verbosity: number;
  showVersion: boolean;
}

/**
 * Reads the command line as the real program does; whatever it does not know ends it.
 *
 * @param version major version
 * @throws {Error} with the message for stderr
 */
export function parseCommandLine(args: readonly string[], version: number): CommandLine {
  const found: CommandLine = {
    api: { path: "" },
    events: undefined,
    logFile: undefined,
    seccomp: "true",
    landlock: false,
    verbosity: 0,
    showVersion: false,
  };
  const rest = [...args];
  const value = (flag: string): string => {
    const next = rest.shift();
    if (next === undefined || next.startsWith("--")) throw new Error(`No value for option '${flag}'`);
    return next;
  };
  while (rest.length > 0) {
    const flag = rest.shift()!;
    switch (flag) {
      case "--api-socket":
        found.api = endpoint(flag, value(flag));
        break;
      case "--event-monitor":
        found.events = endpoint(flag, value(flag));
        break;
      case "--log-file":
        found.logFile = value(flag);
        break;
      case "--seccomp":
        found.seccomp = seccomp(value(flag), version);
        break;
      case "--landlock":
        found.landlock = true;
        break;
      case "-V":
      case "--version":
        found.showVersion = true;
        break;
      case "-v":
      case "-vv":
      case "-vvv":
        found.verbosity += flag.length - 1;
        break;
      default:
        throw new Error(`Unrecognized argument: ${flag}`);
    }
  }
  if (!found.showVersion && "path" in found.api && found.api.path === "") {
    throw new Error("Please provide at least one of: a payload, an API socket");
  }
  return found;
}

function endpoint(flag: string, value: string): { fd: number } | { path: string } {
  const [, key, rest] = /^(fd|path)=(.+)$/.exec(value) ?? [];
  if (key === undefined || rest === undefined) {
    if (value.includes("=")) throw new Error(`Error parsing ${flag}: ${value}`);
    return { path: value };
  }
  if (key === "path") return { path: rest };
  const fd = Number(rest);
  if (!Number.isInteger(fd) || fd < 3) throw new Error(`Error parsing ${flag}: ${rest} is no descriptor`);
  try {
    Deno.statSync(`/proc/self/fd/${fd}`);
  } catch {
    throw new Error(`Error parsing ${flag}: descriptor ${fd} is not open`);
  }
  return { fd };
}

function seccomp(value: string, version: number): CommandLine["seccomp"] {
  if (value === "true" || value === "false" || value === "log") return value;
  if (value === "errno" && version >= 53) return value;
  throw new Error(`Invalid parameter value for --seccomp: ${value}`);
}
