import { BinaryWriter } from "@bufbuild/protobuf/wire";
import * as sys from "../native/sys.js";
import { VERSION } from "../version.ts";

const STDOUT = 1;
/** Fields of `containerd.types.RuntimeInfo` and `RuntimeVersion`. */
const INFO = { name: 1, version: 2 };
const RUNTIME_VERSION = { version: 1 };
const LENGTH_DELIMITED = 2;

/** `io.containerd.kuasar-vmm.v2` for a binary called `containerd-shim-kuasar-vmm-v2`. */
export function runtimeName(program: string): string {
  return program.replace(/^containerd-shim-/, "io.containerd.").replace(/-(v\d+)$/, ".$1");
}

function tag(writer: BinaryWriter, field: number): BinaryWriter {
  return writer.uint32((field << 3) | LENGTH_DELIMITED);
}

/** An encoded `containerd.types.RuntimeInfo`. */
export function runtimeInfo(program: string): Uint8Array {
  const writer = new BinaryWriter();
  tag(writer, INFO.name).string(runtimeName(program));
  tag(writer, INFO.version).fork();
  tag(writer, RUNTIME_VERSION.version).string(VERSION);
  return writer.join().finish();
}

/** What containerd asks of a shim binary: flags with one dash, then a command. */
type Command = "info" | "version" | "delete" | "start" | "unknown";

/** Finds the command; flags take their value in the next argument or behind `=`. */
export function parseCommand(args: readonly string[]): Command {
  const switches = new Set(["debug", "info", "v"]);
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    const flag = /^--?([^=]+)(=.*)?$/.exec(arg);
    if (!flag) return arg === "delete" || arg === "start" ? arg : "unknown";
    if (flag[1] === "info") return "info";
    if (flag[1] === "v") return "version";
    if (!switches.has(flag[1]!) && flag[2] === undefined) i++;
  }
  return "unknown";
}

/**
 * The shim command. containerd runs it to look for the runtime and to clean up; sandboxes come over the Sandbox API.
 *
 * @returns the exit code
 */
export function runShim(program: string, args: readonly string[]): number {
  switch (parseCommand(args)) {
    case "info":
      sys.write(STDOUT, runtimeInfo(program));
      return 0;
    case "version":
      sys.write(STDOUT, sys.utf8Encode(`${program}:\n  Version:  ${VERSION}\n`));
      return 0;
    case "delete":
      // An empty DeleteResponse: what belongs to a container is removed by the task server, not here.
      return 0;
    case "start":
      sys.logWrite(
        `${program}: cannot start: ${
          runtimeName(program)
        } works by containerd's Sandbox API only; set \`sandboxer\` for the runtime\n`,
      );
      return 1;
    default:
      sys.logWrite(`usage: ${program} -info | -v | [flags] start | [flags] delete\n`);
      return 2;
  }
}
