import { LOG_LEVELS } from "../runtime/log.ts";

/** How the directory that the host shares comes into the guest. */
export type ShareType = "9p" | "virtiofs" | "none";

/** What the host says on the kernel's command line (`task.*`, names and defaults as Kuasar's). */
export interface KernelParameters {
  /** `task.sharefs_type`. */
  shareType: ShareType;
  /** `task.log_level`. */
  logLevel: string;
  /** `task.debug`: opens the debug console. */
  debug: boolean;
  /** `task.debug_shell`; empty for the first of bash and sh that is there. */
  debugShell: string;
  /** `task.enable_tracing`. */
  tracing: boolean;
  /** `task.power_off=reset`: the machine has nothing that switches it off, a reset ends it (microvm, Firecracker). */
  powerOffByReset: boolean;
  /**
   * `task.secret_port`: where the host waits for READY and answers with the secret that every connection to the agent must begin
   * with; 0 where none needs one.
   */
  secretPort: number;
  /** `task.container_vsock`: containers may use AF_VSOCK. */
  containerVsock: boolean;
  /** `sysctl.<name>=`: what the kernel has set by itself before, as paths below `/proc/sys`. */
  sysctls: Set<string>;
  /** What was not understood, for the log. */
  problems: string[];
}

/** Splits a command line as the kernel does: at white space outside of double quotes. */
export function splitCommandLine(line: string): string[] {
  return [...line.matchAll(/(?:[^\s"]|"[^"]*"?)+/g)].map((match) => match[0].replaceAll('"', ""));
}

/** A bare word, `=true` and `=1` are true. */
function flag(value: string | undefined): boolean | undefined {
  if (value === undefined || value === "true" || value === "1") return true;
  return value === "false" || value === "0" ? false : undefined;
}

/** Reads the `task.*` parameters. Never fails: what is wrong keeps its default and is listed in `problems`. */
export function parseKernelParameters(commandLine: string): KernelParameters {
  const result: KernelParameters = {
    shareType: "9p",
    logLevel: "info",
    debug: false,
    debugShell: "",
    tracing: false,
    powerOffByReset: false,
    secretPort: 0,
    containerVsock: false,
    sysctls: new Set(),
    problems: [],
  };
  for (const word of splitCommandLine(commandLine)) {
    const at = word.indexOf("=");
    if (word.startsWith("sysctl.") && at > 0) {
      result.sysctls.add(word.slice("sysctl.".length, at).replaceAll(".", "/"));
    }
    if (!word.startsWith("task.")) continue;
    const name = at < 0 ? word : word.slice(0, at);
    const value = at < 0 ? undefined : word.slice(at + 1);
    if (!set(result, name.slice("task.".length), value)) result.problems.push(word);
  }
  return result;
}

/** Parameters that are true or false. */
const FLAGS = { debug: "debug", enable_tracing: "tracing", container_vsock: "containerVsock" } as const;

/** False when name or value is unknown. */
function set(target: KernelParameters, name: string, value: string | undefined): boolean {
  switch (name) {
    case "sharefs_type":
      if (value !== "9p" && value !== "virtiofs" && value !== "none") return false;
      target.shareType = value;
      return true;
    case "log_level":
      if (!LOG_LEVELS.some((level) => level === value?.toLowerCase())) return false;
      target.logLevel = value!.toLowerCase();
      return true;
    case "debug_shell":
      if (!value?.startsWith("/")) return false;
      target.debugShell = value;
      return true;
    case "power_off":
      if (value !== "acpi" && value !== "reset") return false;
      target.powerOffByReset = value === "reset";
      return true;
    case "secret_port":
      if (value === undefined || !/^[1-9]\d{0,8}$/.test(value)) return false;
      target.secretPort = Number(value);
      return true;
    case "debug":
    case "container_vsock":
    case "enable_tracing": {
      const on = flag(value);
      if (on === undefined) return false;
      target[FLAGS[name]] = on;
      return true;
    }
    default:
      return false;
  }
}
