import { KuasarError } from "../../lib/errors/mod.ts";

/** Where things are installed. All paths are absolute and without the staging folder. */
export interface Layout {
  prefix: string;
  /** Put in front of every path that is written; what is written refers to none of it. Empty for this host. */
  destDir: string;
  /** Kernel, images and configuration files. */
  stateDir: string;
  /** containerd's drop-in is below it. */
  etcDir: string;
  /** Where the services run. */
  runDir: string;
  /** Where Deno keeps what it has made of the programs. */
  cacheDir: string;
}

/** What the units, templates and documents of the repository are written for. */
export const DEFAULT_LAYOUT: Layout = {
  prefix: "/usr/local",
  destDir: "",
  stateDir: "/var/lib/kuasar",
  etcDir: "/etc",
  runDir: "/run/kuasar",
  cacheDir: "/var/cache/kuasar",
};

/** The folders that follow from a layout. */
export function folders({ prefix, stateDir, etcDir }: Layout) {
  return {
    lib: `${prefix}/lib/kuasar`,
    bin: `${prefix}/bin`,
    units: `${prefix}/lib/systemd/system`,
    docs: `${prefix}/share/doc/kuasar`,
    kubernetes: `${prefix}/share/kuasar/kubernetes`,
    state: stateDir,
    containerd: `${etcDir}/containerd/conf.d`,
  } as const;
}

/** The handlers, for containerd to import. */
export function dropInFile(layout: Layout): string {
  return `${folders(layout).containerd}/kuasar.toml`;
}

/** What the services fill: Deno's cache with compiled modules, and the Wasm driver's copy of its engine. */
export function filledFolders({ cacheDir, stateDir }: Layout): string[] {
  return [cacheDir, `${stateDir}/wasm`];
}

/** A text of the repository, written for {@link DEFAULT_LAYOUT}, as it must be for another. */
export function relocate(text: string, layout: Layout): string {
  // One pass: what has been put in must not be replaced again.
  const pairs: [string, string][] = [
    [DEFAULT_LAYOUT.prefix, layout.prefix],
    [DEFAULT_LAYOUT.stateDir, layout.stateDir],
    [DEFAULT_LAYOUT.runDir, layout.runDir],
    [DEFAULT_LAYOUT.cacheDir, layout.cacheDir],
  ];
  const pattern = new RegExp(`(${pairs.map(([from]) => from).join("|")})(?=[/"'\\s:]|$)`, "g");
  return text.replace(pattern, (from) => pairs.find(([known]) => known === from)![1]);
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
