import { buildDir, root } from "../../lib/build/mod.ts";
import { type ConfigVersion, handlerConfig, runtimeHandlers } from "../containerd/mod.ts";
import { type DriverDeployment, shimBinaries } from "../drivers.ts";
import { runtimeClasses } from "../kubernetes/runtime_class.ts";
import { CORE_SERVICES, driverService } from "../supervisor/mod.ts";
import { allUnits } from "../systemd/mod.ts";
import { parseUnit, words } from "../systemd/units.ts";
import type { Item } from "./item.ts";
import { launcher } from "./launcher.ts";
import { dropInFile, folders, type Layout, relocate, relocateConfig } from "./layout.ts";

const PROGRAM = 0o755;
const PLAIN = 0o644;
/** Our agent below `lib`, which is task server and shim by the name that it is started under. */
const AGENT = "agent";

/**
 * What an installation with these drivers consists of, in the order in which it is put there.
 *
 * @param dropIn version of containerd's drop-in, `none` for one that does not know sandboxers
 */
export function contents(
  layout: Layout,
  drivers: readonly DriverDeployment[],
  dropIn: ConfigVersion | "none" = 3,
): Item[] {
  return [
    ...programItems(layout, drivers),
    ...stateItems(layout, drivers),
    ...unitItems(layout, drivers),
    ...(dropIn === "none" ? [] : [containerdItem(layout, drivers, dropIn)]),
    ...documentItems(layout, drivers),
  ];
}

function programItems(layout: Layout, drivers: readonly DriverDeployment[]): Item[] {
  const { lib, bin } = folders(layout);
  const commands = [...CORE_SERVICES, ...drivers.map(({ name }) => driverService(name)), "ctl"];
  const bundled = `${buildDir}/services`;
  const wanted = (file: string) =>
    !file.startsWith("driver-") || commands.includes(file.replace(/\.mjs$/, ""));
  const modules = [...Deno.readDirSync(bundled)].map(({ name }) => name)
    .filter((name) => name.endsWith(".mjs") && wanted(name));
  const agentNames = ["kuasar-task", ...shimBinaries(drivers)];
  return [
    { kind: "copy", path: `${lib}/deno`, mode: PROGRAM, source: Deno.execPath() },
    { kind: "copy", path: `${lib}/${AGENT}`, mode: PROGRAM, source: `${buildDir}/guest/agent` },
    ...modules.sort().map((name): Item => ({
      kind: "copy",
      path: `${lib}/${name}`,
      mode: PLAIN,
      source: `${bundled}/${name}`,
    })),
    { kind: "text", path: `${lib}/layout.json`, mode: PLAIN, text: layoutText(layout, drivers) },
    ...commands.map((name): Item => ({
      kind: "text",
      path: `${bin}/kuasar-${name}`,
      mode: PROGRAM,
      text: launcher(lib, name, layout.cacheDir),
    })),
    ...agentNames.map((name): Item => ({
      kind: "link",
      path: `${bin}/${name}`,
      target: `../lib/kuasar/${AGENT}`,
    })),
  ];
}

/** What `kuasar-ctl check` knows of this installation (services/ctl/installation.ts). */
function layoutText(layout: Layout, drivers: readonly DriverDeployment[]): string {
  const services = [...allUnits(drivers)].filter(([name]) => name.endsWith(".service")).map(
    ([name, text]) => {
      const command = words(parseUnit(relocate(text, layout)), "Service", "ExecStart");
      return [name.replace(/\.service$/, ""), command.filter((word) => word !== "$OPTIONS")];
    },
  );
  const { runDir, etcDir } = layout;
  const about = { runDir, etcDir, dropIn: dropInFile(layout), services: Object.fromEntries(services) };
  return JSON.stringify(about, null, 1) + "\n";
}

function stateItems(layout: Layout, drivers: readonly DriverDeployment[]): Item[] {
  const { configDir, dataDir } = layout;
  const copy = (name: string, source: string): Item => ({
    kind: "copy",
    path: `${dataDir}/${name}`,
    mode: PLAIN,
    source: `${buildDir}/${source}`,
  });
  const config = (name: string, text: string): Item[] => [
    { kind: "text", path: `${configDir}/${name}`, mode: PLAIN, text, config: true },
    { kind: "folder", path: `${configDir}/${name}.d` },
  ];
  const template = (source: string) => relocateConfig(Deno.readTextFileSync(`${root}/${source}`), layout);
  const guest = drivers.some(({ vm }) => vm)
    ? [
      copy("vmlinux.bin", "kernel/vmlinux.bin"),
      copy("vmlinuz", "kernel/vmlinuz"),
      copy("kuasar.initrd", "image/kuasar.initrd"),
      copy("kuasar.img", "image/kuasar.img"),
    ]
    : [];
  return [
    ...guest,
    ...["sandboxer", "storage"].flatMap((name) =>
      config(`${name}.toml`, template(`services/${name}/${name}.toml`))
    ),
    ...drivers.flatMap(({ folder, configFile }) =>
      config(configFile, template(`drivers/${folder}/${configFile}`))
    ),
  ];
}

function unitItems(layout: Layout, drivers: readonly DriverDeployment[]): Item[] {
  return [...allUnits(drivers)].sort(([a], [b]) => a < b ? -1 : 1).map(([name, text]): Item => ({
    kind: "text",
    path: `${folders(layout).units}/${name}`,
    mode: PLAIN,
    text: relocate(text, layout),
  }));
}

function containerdItem(
  layout: Layout,
  drivers: readonly DriverDeployment[],
  version: ConfigVersion,
): Item {
  const tables = handlerConfig(`${layout.runDir}/sandboxer.sock`, runtimeHandlers(drivers), "fifo", version);
  const text = `version = ${version}\n\n${tables}`;
  return { kind: "text", path: dropInFile(layout), mode: PLAIN, text, config: true };
}

function documentItems(layout: Layout, drivers: readonly DriverDeployment[]): Item[] {
  const { docs, kubernetes } = folders(layout);
  const pages = [...Deno.readDirSync(`${root}/docs`)].filter(({ isFile, name }) =>
    isFile && name.endsWith(".md")
  )
    .map(({ name }) => `docs/${name}`).sort();
  const copy = (source: string): Item => ({
    kind: "copy",
    path: `${docs}/${source.slice(source.lastIndexOf("/") + 1)}`,
    mode: PLAIN,
    source: `${root}/${source}`,
  });
  return [
    ...["LICENSE", "README.md", ...pages].map(copy),
    ...[...runtimeClasses(drivers)].map(([name, text]): Item => ({
      kind: "text",
      path: `${kubernetes}/${name}`,
      mode: PLAIN,
      text,
    })),
  ];
}
