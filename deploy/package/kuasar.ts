import { buildDir, root } from "../../lib/build/mod.ts";
import { DRIVERS } from "../drivers.ts";
import { BUNDLED } from "../install/bundle.ts";
import { contents } from "../install/contents.ts";
import type { Item } from "../install/item.ts";
import { DEFAULT_LAYOUT, dropInFile, folders, type Layout } from "../install/layout.ts";
import { CORE_SERVICES, driverService } from "../supervisor/mod.ts";
import type { About } from "./about.ts";
import { kuasarCopyright } from "./copyright.ts";
import type { DebSpec } from "./deb.ts";
import { builtUsing } from "./debian_origin.ts";
import type { GuestOrigins } from "./guest_origins.ts";
import { copy, text } from "./items.ts";
import { maintainerScripts } from "./scripts.ts";
import { PROGRAMS_PREFIX } from "./shipped_programs.ts";

/** The handlers, for containerd to import. Not in a folder that some containerd imports already: it might be a 1.7. */
export const HANDLERS_FILE = "/usr/share/kuasar/containerd.toml";
/** The same for a containerd whose own file is of version 2. */
const HANDLERS_FILE_V2 = "/usr/share/kuasar/containerd-v2.toml";

/** Where a package may put things: configuration in /etc, and in /var only what the services make themselves. */
export const PACKAGE_LAYOUT: Layout = {
  ...DEFAULT_LAYOUT,
  prefix: "/usr",
  configDir: "/etc/kuasar",
  dataDir: "/usr/lib/kuasar",
  handlersFile: HANDLERS_FILE,
};

const DOCS = folders(PACKAGE_LAYOUT).docs;

/** The units that an upgrade starts again: all but the task server. */
export const RESTARTED_UNITS = [
  ...CORE_SERVICES.map((name) => `kuasar-${name}.service`),
  ...DRIVERS.map(({ name }) => `kuasar-${driverService(name)}.service`),
];

/** The package with everything of ours. */
export function kuasarPackage(
  { version, architecture, maintainer }: About,
  guest: GuestOrigins,
  texts: { changelog: string; completion: string; manual: string },
): DebSpec {
  const copyright = kuasarCopyright(folders(PACKAGE_LAYOUT).lib, guest.packages);
  return {
    name: "kuasar",
    version,
    architecture,
    fields: {
      Maintainer: maintainer,
      Section: "admin",
      Priority: "optional",
      Depends: "init-system-helpers (>= 1.52), libc6 (>= 2.36), libgcc-s1",
      Recommends:
        `kuasar-programs (= ${version}), crun (>= 1.14.3), erofs-utils (>= 1.5), qemu-system-x86 (>= 1:7.2)`,
      Suggests: "containerd (>= 2.0)",
      "Built-Using": builtUsing(guest.packages),
      Description: `container runtime: pods in microVMs and other sandboxes
 A set of small services by which containerd runs pods in microVMs (QEMU, Cloud
 Hypervisor, Firecracker, StratoVirt), under gVisor's or Quark's kernel, as
 WebAssembly modules, or in plain namespaces. It comes with a guest kernel and
 image; what it needs besides and Debian lacks is in kuasar-programs.`,
    },
    items: [
      ...contents(PACKAGE_LAYOUT, DRIVERS, "none").filter(({ path }) => path !== `${DOCS}/LICENSE`),
      handlers(HANDLERS_FILE, 3),
      handlers(HANDLERS_FILE_V2, 2),
      ...licenceItems(guest),
      text(`${DOCS}/copyright`, copyright),
      copy(`${DOCS}/changelog.gz`, texts.changelog),
      copy("/usr/share/bash-completion/completions/kuasar-ctl", texts.completion),
      copy("/usr/share/man/man1/kuasar-ctl.1.gz", texts.manual),
      copy("/usr/share/lintian/overrides/kuasar", `${root}/deploy/package/lintian/kuasar`),
    ],
    scripts: maintainerScripts("kuasar", RESTARTED_UNITS),
    // The services read where the programs are when they start, and go back to those of the host when these are gone.
    triggeredBy: PROGRAMS_PREFIX,
  };
}

/** The handlers for a version of containerd's configuration; a file that nobody needs to change. */
function handlers(path: string, version: 2 | 3): Item {
  const made = contents(PACKAGE_LAYOUT, DRIVERS, version).find((item) =>
    item.path === dropInFile(PACKAGE_LAYOUT)
  );
  return { ...made, path, config: false } as Item;
}

function licenceItems(guest: GuestOrigins): Item[] {
  const bundled: string[] = JSON.parse(Deno.readTextFileSync(`${buildDir}/services/${BUNDLED}`));
  const npm = bundled.map((folder): Item => {
    const { name, version, license } = JSON.parse(Deno.readTextFileSync(`${root}/${folder}/package.json`));
    const path = `${DOCS}/licences/npm/${name.replace(/^@/, "").replace("/", "_")}`;
    const file = [...Deno.readDirSync(`${root}/${folder}`)].find((entry) => /^licen[cs]e/i.test(entry.name));
    const own = file ? `\n${Deno.readTextFileSync(`${root}/${folder}/${file.name}`)}` : "";
    return text(path, `${name} ${version}: ${license}\n${own}`);
  });
  return [
    ...npm,
    ...guest.packages.map(({ name }) => copy(`${DOCS}/licences/${name}`, `${guest.licences}/${name}`)),
  ];
}
