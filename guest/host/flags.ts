import { KuasarError } from "../../lib/errors/mod.ts";

/** How `kuasar-task` was started. */
export interface Flags {
  /** Directory of the sockets and of this server's own state. */
  runDir: string;
  /** containerd's ttrpc socket, which takes our events. */
  containerdTtrpc: string;
  logLevel: string;
  help: boolean;
}

/** Shown for `--help`. */
export const USAGE = `Usage: kuasar-task [options]

The task server of a node: containerd's Task API for every container of every pod, forwarded to the guests.

  --run-dir DIR          directory of the sockets (default /run/kuasar)
  --containerd-ttrpc F   where events go (default /run/containerd/containerd.sock.ttrpc)
  --log-level LEVEL      error, warn, info, debug or trace (default info)
  --help                 this text

Example: kuasar-task --run-dir /run/kuasar --log-level debug
`;

const KEYS: Readonly<Record<string, Exclude<keyof Flags, "help">>> = {
  "--run-dir": "runDir",
  "--containerd-ttrpc": "containerdTtrpc",
  "--log-level": "logLevel",
};

/**
 * Reads the arguments behind the program's name; both `--flag value` and `--flag=value`.
 *
 * @throws KuasarError INVALID_ARGUMENT naming the argument
 */
export function parseFlags(args: readonly string[]): Flags {
  const flags: Flags = {
    runDir: "/run/kuasar",
    containerdTtrpc: "/run/containerd/containerd.sock.ttrpc",
    logLevel: "info",
    help: false,
  };
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === "--help" || arg === "-h") {
      flags.help = true;
      continue;
    }
    const [name, inline] = arg.includes("=")
      ? [arg.slice(0, arg.indexOf("=")), arg.slice(arg.indexOf("=") + 1)]
      : [arg, undefined];
    const key = KEYS[name];
    if (!key) {
      throw new KuasarError(
        "INVALID_ARGUMENT",
        `Cannot start: unknown argument ${JSON.stringify(arg)}; see --help`,
      );
    }
    const value = inline ?? rest.shift();
    if (!value) throw new KuasarError("INVALID_ARGUMENT", `Cannot start: ${name} needs a value; see --help`);
    flags[key] = value;
  }
  return flags;
}
