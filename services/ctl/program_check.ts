import { DRIVERS } from "../../deploy/drivers.ts";
import type { DriverDeployment, OutsideProgram } from "../../drivers/contract/deployment.ts";
import type { Finding } from "./host_facts.ts";
import { isAtLeast } from "../../lib/process/mod.ts";
import { UNKNOWN, versionOf } from "./tool_check.ts";

/** The programs of drivers that no package has, and those that may take the place of one: each is of use to the pods of one kind only. */
export async function checkPrograms(drivers: readonly DriverDeployment[] = DRIVERS): Promise<Finding[]> {
  return await Promise.all(drivers.flatMap(({ program, alternative, handlers: [handler] }) => [
    ...(program ? [checkProgram(program, `pods of ${handler} need`)] : []),
    ...(alternative ? [checkProgram(alternative, `pods of ${handler} may use`)] : []),
  ]));
}

/** @param whoWants `pods of kuasar-x need` */
async function checkProgram(program: OutsideProgram, whoWants: string): Promise<Finding> {
  const { path, versionArgs, minVersion, remedy } = program;
  const what = path.slice(path.lastIndexOf("/") + 1);
  const version = await versionOf(path, versionArgs);
  if (version === undefined) {
    return { what, verdict: "absent", detail: `not at ${path}; ${whoWants} it`, remedy };
  }
  if (!version.startsWith(UNKNOWN) && !isAtLeast(version, minVersion)) {
    const detail = `${version} at ${path} is older than ${minVersion}, which ${whoWants}`;
    return { what, verdict: "absent", detail, remedy };
  }
  return { what, verdict: "ok", detail: `${version} at ${path}` };
}
