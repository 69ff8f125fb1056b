import type { ProcessSpec } from "../../deploy/supervisor/mod.ts";
import { parseUnit, type Unit, words } from "../../deploy/systemd/units.ts";

/** How long a process may take to end; systemd's own default is longer. */
const STOP_GRACE_MS = 10_000;

/**
 * What systemd would run for the services among the unit files of a folder, so that a host without systemd can run them.
 *
 * @param options what the environment files of some services set as `OPTIONS`
 */
export function unitProcesses(
  dir: string,
  options: Readonly<Record<string, readonly string[]>> = {},
): ProcessSpec[] {
  const units = new Map<string, Unit>();
  for (const { name } of Deno.readDirSync(dir)) {
    if (name.startsWith("kuasar-")) units.set(name, parseUnit(Deno.readTextFileSync(`${dir}/${name}`)));
  }
  const services = [...units.keys()].filter((name) => name.endsWith(".service")).sort(byStart);
  return services.map((name) => processOf(name, units, options));
}

/** The services that others call come first, the sandboxer last. */
function byStart(a: string, b: string): number {
  const late = (name: string) => Number(name === "kuasar-sandboxer.service");
  return late(a) - late(b) || (a < b ? -1 : 1);
}

function processOf(
  file: string,
  units: ReadonlyMap<string, Unit>,
  options: Readonly<Record<string, readonly string[]>>,
): ProcessSpec {
  const service = file.replace(/\.service$/, "");
  const unit = units.get(file)!;
  const [command, ...args] = words(unit, "Service", "ExecStart").flatMap((word) =>
    word === "$OPTIONS" ? options[service] ?? [] : [word]
  );
  const environment = words(unit, "Service", "Environment").map((word) => {
    const at = word.indexOf("=");
    return [word.slice(0, at), word.slice(at + 1)] as const;
  });
  const sockets = [...units].filter(([name, socket]) =>
    name.endsWith(".socket") &&
    (words(socket, "Socket", "Service")[0] ?? name.replace(/socket$/, "service")) === file
  ).map(([, socket]) => ({
    name: words(socket, "Socket", "FileDescriptorName")[0]!,
    path: words(socket, "Socket", "ListenStream")[0]!,
  }));
  return {
    name: service.replace(/^kuasar-(?!task)/, ""),
    command: command!,
    args,
    env: Object.fromEntries(environment),
    sockets,
    onDemand: service.startsWith("kuasar-driver-"),
    stopGraceMs: STOP_GRACE_MS,
  };
}
