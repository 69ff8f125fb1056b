import { DRIVERS } from "../../deploy/drivers.ts";
import type { DriverDeployment } from "../../drivers/contract/deployment.ts";
import type { Finding } from "./host_facts.ts";
import { isAtLeast, versionOf } from "./tool_check.ts";

/** The programs of drivers that no package has: each is of use to the pods of one kind only. */
export async function checkPrograms(drivers: readonly DriverDeployment[] = DRIVERS): Promise<Finding[]> {
  const findings = await Promise.all(drivers.map(checkProgram));
  return findings.filter((finding) => finding !== undefined);
}

async function checkProgram({ program, handlers }: DriverDeployment): Promise<Finding | undefined> {
  if (!program) return undefined;
  const { path, versionArgs, minVersion, remedy } = program;
  const what = path.slice(path.lastIndexOf("/") + 1);
  const version = await versionOf(path, versionArgs);
  if (version === undefined) {
    return { what, verdict: "absent", detail: `not at ${path}; pods of ${handlers[0]} need it`, remedy };
  }
  if (version !== "?" && !isAtLeast(version, minVersion)) {
    const detail = `${version} at ${path} is older than ${minVersion}, which pods of ${handlers[0]} need`;
    return { what, verdict: "absent", detail, remedy };
  }
  return { what, verdict: "ok", detail: `${version} at ${path}` };
}
