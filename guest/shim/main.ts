import { asKuasarError } from "../../lib/errors/mod.ts";
import * as sys from "../native/sys.js";
import { VERSION } from "../version.ts";
import { parseCommand } from "./command.ts";
import { deleteTask } from "./delete.ts";
import { runtimeInfo } from "./info.ts";
import { startTask } from "./start.ts";

const STDOUT = 1;

/**
 * The shim command: what containerd runs where the Sandbox API does not tell it where a task is served. It starts no process;
 * every task is served by the node's one task server.
 *
 * @param program the name it was started under, which is the runtime's
 */
export async function runShim(program: string, args: readonly string[]): Promise<void> {
  const { verb, id } = parseCommand(args);
  try {
    switch (verb) {
      case "info":
        sys.write(STDOUT, runtimeInfo(program));
        break;
      case "version":
        sys.write(STDOUT, sys.utf8Encode(`${program}:\n  Version:  ${VERSION}\n`));
        break;
      case "start":
        sys.write(STDOUT, sys.utf8Encode(startTask(program)));
        break;
      case "delete":
        sys.write(STDOUT, await deleteTask(id));
        break;
      default:
        sys.logWrite(`usage: ${program} -info | -v | [flags] start | [flags] delete\n`);
        return sys.exit(2);
    }
    sys.exit(0);
  } catch (error) {
    sys.logWrite(`${program}: ${asKuasarError(error).message}\n`);
    sys.exit(1);
  }
}
