import { KuasarError } from "../../lib/errors/mod.ts";

/** Where things are installed. All paths are absolute and without the staging folder. */
export interface Layout {
  prefix: string;
  /** Put in front of every path that is written; what is written refers to none of it. Empty for this host. */
  destDir: string;
  /** Configuration files, and the folders of their drop-ins. */
  configDir: string;
  /** The guest's kernel and images. */
  dataDir: string;
  /** What the drivers make and keep. */
  stateDir: string;
  /** containerd's drop-in is below it. */
  etcDir: string;
  /** Where the services run. */
  runDir: string;
  /** Where Deno keeps what it has made of the programs. */
  cacheDir: string;
  /** The handlers, for containerd to import; in its folder of drop-ins unless given. */
  handlersFile?: string;
}

/** What the units, templates and documents of the repository are written for. */
export const DEFAULT_LAYOUT: Layout = {
  prefix: "/usr/local",
  destDir: "",
  configDir: "/var/lib/kuasar",
  dataDir: "/var/lib/kuasar",
  stateDir: "/var/lib/kuasar",
  etcDir: "/etc",
  runDir: "/run/kuasar",
  cacheDir: "/var/cache/kuasar",
};

/** The folders that follow from a layout. */
export function folders({ prefix, etcDir }: Layout) {
  return {
    lib: `${prefix}/lib/kuasar`,
    bin: `${prefix}/bin`,
    units: `${prefix}/lib/systemd/system`,
    docs: `${prefix}/share/doc/kuasar`,
    kubernetes: `${prefix}/share/kuasar/kubernetes`,
    containerd: `${etcDir}/containerd/conf.d`,
  } as const;
}

/** The handlers, for containerd to import. */
export function dropInFile(layout: Layout): string {
  return layout.handlersFile ?? `${folders(layout).containerd}/kuasar.toml`;
}

/** What the services fill: Deno's cache with compiled modules, and the Wasm driver's copy of its engine. */
export function filledFolders({ cacheDir, stateDir }: Layout): string[] {
  return [cacheDir, `${stateDir}/wasm`];
}

/** What is in one folder by default and may be in several: files of {@link Layout.configDir} and {@link Layout.dataDir}. */
const CONFIG_FILE = "[\\w-]+\\.toml";
const DATA_FILE = "(?:vmlinux\\.bin|vmlinuz|kuasar\\.initrd|kuasar\\.img)";
/** What is ours below the prefix: programs of others that people put into /usr/local/bin stay there. */
const OURS = "(?:bin/kuasar-|lib/kuasar/|share/(?:doc/)?kuasar/)";

/** A text of the repository, written for {@link DEFAULT_LAYOUT}, as it must be for another. */
export function relocate(text: string, layout: Layout): string {
  const end = "[/\"'\\s:]|$";
  const rules: [from: string, followedBy: string, to: string][] = [
    [DEFAULT_LAYOUT.prefix, `/${OURS}`, layout.prefix],
    [DEFAULT_LAYOUT.configDir, `/${CONFIG_FILE}(?:${end})`, layout.configDir],
    [DEFAULT_LAYOUT.dataDir, `/${DATA_FILE}(?:${end})`, layout.dataDir],
    [DEFAULT_LAYOUT.stateDir, end, layout.stateDir],
    [DEFAULT_LAYOUT.runDir, end, layout.runDir],
    [DEFAULT_LAYOUT.cacheDir, end, layout.cacheDir],
  ];
  // One pass: what has been put in must not be replaced again.
  const pattern = new RegExp(rules.map(([from, behind]) => `(${from})(?=${behind})`).join("|"), "g");
  return text.replace(pattern, (_, ...groups) => rules[groups.findIndex((group) => group !== undefined)]![2]);
}

/** A configuration file, as {@link relocate} does it: a default that is only told must be said where it is another one here. */
export function relocateConfig(text: string, layout: Layout): string {
  return text.split("\n").map((line) => {
    const moved = relocate(line, layout);
    return moved === line ? line : moved.replace(/^# (?=\w+ = )/, "");
  }).join("\n");
}

/** @throws KuasarError INVALID_ARGUMENT for a folder that is not absolute or holds what a unit file or shell would read */
export function checkLayout(layout: Layout): Layout {
  for (const [key, path] of Object.entries(layout)) {
    if (key === "destDir" && path === "") continue;
    if (/^\/[A-Za-z0-9_.@+/-]*$/.test(path) && !path.split("/").includes("..")) continue;
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot install to ${
        JSON.stringify(path)
      }: a folder must be an absolute path of letters, digits and _.@+-`,
    );
  }
  return layout;
}
