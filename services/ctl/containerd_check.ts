import { isFile } from "../../lib/files/mod.ts";
import { isAtLeast } from "../../lib/process/mod.ts";
import { type HostContainerd, imports, tableAt } from "../../deploy/host/containerd.ts";
import { type DriverDeployment, shimBinaries } from "../../deploy/drivers.ts";
import { cniFinding } from "./cni_check.ts";
import type { Finding } from "./host_facts.ts";
import type { Installation } from "./installation.ts";

/** The oldest one that knows sandboxers. */
const MIN_CONTAINERD = "2.0";

/** Where systemd has programs looked for. */
const SYSTEMD_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin";

/** Whether one containerd, or another, asks us for pods. */
export async function checkContainerds(
  found: readonly HostContainerd[],
  installation: Installation,
  drivers: readonly DriverDeployment[],
): Promise<Finding[]> {
  if (found.length === 0) {
    const remedy = `install containerd ${MIN_CONTAINERD} or newer`;
    return [{ what: "containerd", verdict: "missing", detail: "there is none", remedy }];
  }
  const findings = await Promise.all(found.map((one) => checkContainerd(one, installation, drivers)));
  // It is enough that one of them works.
  const works = findings.some((list) => list.every(({ verdict }) => verdict !== "missing"));
  return findings.flat().map((finding) =>
    works && finding.verdict === "missing" ? { ...finding, verdict: "absent" } : finding
  );
}

async function checkContainerd(
  found: HostContainerd,
  { runDir, dropIn }: Installation,
  drivers: readonly DriverDeployment[],
): Promise<Finding[]> {
  const { unit, program, version, configFile, merged, failure } = found;
  const what = unit?.replace(/\.service$/, "") ?? "containerd";
  const shims = await shimFinding(found, what, drivers);
  if (version === undefined) {
    return [{
      what,
      verdict: "missing",
      detail: `${program} does not tell its version`,
      remedy: "see that it runs",
    }];
  }
  if (!isAtLeast(version, MIN_CONTAINERD)) {
    const imported = isFile(dropIn) && (merged === undefined || imports(found, dropIn));
    return imported
      ? [{
        what,
        verdict: "missing",
        detail: `${version} does not start with ${dropIn}`,
        remedy: `remove ${dropIn}`,
      }]
      : [{ what, verdict: "ok", detail: `${version} at ${program}; it runs our shim programs` }, shims];
  }
  if (merged === undefined) {
    const remedy = `${program} --config ${configFile} config dump`;
    return [{ what, verdict: "missing", detail: `${version} cannot read ${configFile}: ${failure}`, remedy }];
  }
  const offer = offerProblem(found, runDir, dropIn, drivers);
  const first: Finding = offer === undefined
    ? { what, verdict: "ok", detail: `${version} at ${program}, offers all handlers` }
    : { what, verdict: "missing", ...offer };
  return [first, shims, ...(offer === undefined ? [await cniFinding(what, merged)] : [])];
}

/** Why it does not ask us for the pods of some handler. */
function offerProblem(
  { version, configFile, configVersion, merged }: HostContainerd,
  runDir: string,
  dropIn: string,
  drivers: readonly DriverDeployment[],
): { detail: string; remedy: string } | undefined {
  const runtimes = tableAt(merged, "plugins", "io.containerd.cri.v1.runtime", "containerd", "runtimes");
  const handlers = drivers.flatMap((driver) => driver.handlers);
  const lost = handlers.filter((handler) => tableAt(runtimes, handler).sandboxer !== "kuasar");
  if (lost.length === handlers.length) {
    return {
      detail: `${version} does not offer our handlers: ${configFile} imports nothing that has them`,
      remedy:
        `imports = ["${dropIn}"] in ${configFile}, of its version; where it has that already, install again`,
    };
  }
  if (lost.length > 0) {
    return {
      detail: `${version} does not offer ${lost.join(", ")}`,
      remedy: `install again, or see ${dropIn}.new`,
    };
  }
  const address = tableAt(merged, "proxy_plugins", "kuasar").address;
  const wanted = `${runDir}/sandboxer.sock`;
  if (address !== wanted) {
    return {
      detail: `its plugin kuasar has the address ${address}, not ${wanted}`,
      remedy: `see ${configFile}`,
    };
  }
  if (configVersion !== undefined && configVersion < 3 && dropInVersion(dropIn) === 3) {
    return {
      detail:
        `${configFile} has version ${configVersion} and ${dropIn} 3: the node's own CRI section is dropped`,
      remedy: `${configFile}: containerd config migrate; or install again`,
    };
  }
  return undefined;
}

function dropInVersion(path: string): number | undefined {
  try {
    return Number(/^version\s*=\s*(\d+)/m.exec(Deno.readTextFileSync(path))?.[1]);
  } catch {
    return undefined;
  }
}

/** containerd looks the shim programs up in its PATH and beside itself, and forgets running containers where it cannot. */
async function shimFinding(
  { unit, program }: HostContainerd,
  containerd: string,
  drivers: readonly DriverDeployment[],
): Promise<Finding> {
  const what = `shims of ${containerd}`;
  const path = unit === undefined ? SYSTEMD_PATH : await pathOf(unit);
  const folders = [...path.split(":"), program.slice(0, program.lastIndexOf("/"))];
  const lost = shimBinaries(drivers).filter((name) => !folders.some((folder) => isFile(`${folder}/${name}`)));
  return lost.length === 0 ? { what, verdict: "ok", detail: "in its PATH" } : {
    what,
    verdict: "missing",
    detail: `not in its PATH, ${path}: ${lost.join(", ")}`,
    remedy: `Environment=PATH=... in a drop-in of ${unit ?? "its unit"}`,
  };
}

/** The PATH of what a unit runs, or would run. */
async function pathOf(unit: string): Promise<string> {
  const { stdout } = await new Deno.Command("systemctl", {
    args: ["show", "--property=MainPID,Environment", unit],
    stdin: "null",
    stderr: "null",
  }).output();
  const text = new TextDecoder().decode(stdout);
  const pid = /^MainPID=(\d+)$/m.exec(text)?.[1];
  try {
    const environ = Deno.readTextFileSync(`/proc/${pid}/environ`).split("\0");
    const path = environ.find((entry) => entry.startsWith("PATH="));
    if (path !== undefined) return path.slice(5);
  } catch {
    // It does not run.
  }
  return /^Environment=.*?\bPATH=(\S+)/m.exec(text)?.[1] ?? SYSTEMD_PATH;
}
