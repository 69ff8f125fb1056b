import { asKuasarError } from "../../../lib/errors/mod.ts";
import { isAlive } from "../../../lib/process/mod.ts";
import { endSandbox, superviseExit } from "./exit.ts";
import type { SandboxHost } from "./host.ts";
import { hasNamespaces } from "./namespaces.ts";
import type { SandboxRecord } from "./record.ts";
import { removeSandbox } from "./remove.ts";
import { Sandbox } from "./sandbox.ts";

/** Exit status where nobody can know it: the sandbox of an earlier driver process. */
const UNKNOWN_STATUS = 255;

/**
 * Takes over what an earlier driver process has left: what is complete is adopted, starts that were cut off are undone,
 * sandboxes that ended meanwhile are kept as stopped until they are removed.
 */
export async function adoptSandboxes(host: SandboxHost): Promise<Sandbox[]> {
  const sandboxes = await Promise.all(host.records.entries().map(([, record]) => adopt(host, record)));
  return sandboxes.filter((sandbox) => sandbox !== undefined);
}

async function adopt(host: SandboxHost, record: SandboxRecord): Promise<Sandbox | undefined> {
  const sandbox = new Sandbox(host.driverDir, record);
  if (record.state === "STARTING") {
    try {
      await removeSandbox(host, sandbox);
      host.log.warn("Undid a start that was cut off", { sandbox: sandbox.id });
    } catch (error) {
      const { message, evidence } = asKuasarError(error);
      host.log.error("Cannot undo a start that was cut off", {
        sandbox: sandbox.id,
        error: message,
        evidence,
      });
      return sandbox;
    }
    return undefined;
  }
  if (record.state === "STOPPED") return sandbox;
  const complete = host.kind.ownKernel ? sandbox.process !== undefined : hasNamespaces(record, sandbox.paths);
  if (!complete || sandbox.process && !isAlive(sandbox.process)) {
    endSandbox(host, sandbox, UNKNOWN_STATUS, ["it ended while no driver ran"]);
    return sandbox;
  }
  superviseExit(host, sandbox);
  host.log.info("Adopted a sandbox", { sandbox: sandbox.id });
  return sandbox;
}
