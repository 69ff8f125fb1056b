/** What the real program's command line says. */
export interface CommandLine {
  apiSocket: string;
  id: string;
  pci: boolean;
  seccomp: boolean;
  level: string;
  showVersion: boolean;
}

const LEVELS = ["Off", "Trace", "Debug", "Info", "Warn", "Warning", "Error"];

/** The real one's exit codes for what is wrong with its arguments. */
export class UsageError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

const BAD_ARGUMENTS = 153;
const BAD_LEVEL = 152;
/** Of a panic, which aborts: 128 + SIGABRT. */
const PANIC = 134;

/**
 * Reads the command line as the real program does, as far as a driver has a use for it; whatever it does not know ends it.
 *
 * @throws {UsageError}
 */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const found: CommandLine = {
    apiSocket: "/run/firecracker.socket",
    id: "anonymous-instance",
    pci: false,
    seccomp: true,
    level: "Info",
    showVersion: false,
  };
  const seen = new Set<string>();
  const rest = [...args];
  while (rest.length > 0) {
    const flag = rest.shift()!;
    if (seen.has(flag)) throw bad(`The argument '${flag.slice(2)}' was provided more than once.`);
    seen.add(flag);
    const value = (): string => {
      const next = rest.shift();
      if (next === undefined || next.startsWith("--")) {
        throw bad(`The argument '${flag.slice(2)}' requires a value, but none was supplied.`);
      }
      return next;
    };
    switch (flag) {
      case "--api-sock":
        found.apiSocket = value();
        break;
      case "--id":
        found.id = value();
        break;
      case "--level":
        found.level = value();
        break;
      case "--enable-pci":
        found.pci = true;
        break;
      case "--no-seccomp":
        found.seccomp = false;
        break;
      case "--version":
        found.showVersion = true;
        break;
      default:
        throw bad(`Found argument '${flag}' which wasn't expected, or isn't valid in this context.`);
    }
  }
  if (!LEVELS.some((level) => level.toLowerCase() === found.level.toLowerCase())) {
    throw new UsageError(BAD_LEVEL, `Invalid value for logger level: ${found.level}`);
  }
  if (!/^[A-Za-z0-9-]{1,64}$/.test(found.id)) {
    throw new UsageError(PANIC, `Invalid instance ID: ${JSON.stringify(found.id)}`);
  }
  return found;
}

function bad(message: string): UsageError {
  return new UsageError(BAD_ARGUMENTS, `Arguments parsing error: ${message}`);
}
