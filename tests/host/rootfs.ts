import { archiveUri, needCommands, root, run, step, type Suite } from "../../lib/build/mod.ts";

/** What a root file system of Debian consists of. */
export interface RootfsRecipe {
  /** Its folder below `build/`: `rootfs-bookworm`. */
  name: string;
  suite: Suite;
  /** How much of Debian: `minbase` is what apt needs, `important` what an installer leaves. */
  variant: "minbase" | "important";
  packages: readonly string[];
  /** Packages that apt in it finds without a network, with all that they need; none of them is installed. */
  downloaded?: readonly string[];
  /** Shell commands with the folder as `$1`, before the packages are installed and after it. */
  essentialHooks?: readonly string[];
  customizeHooks?: readonly string[];
}

/** A test of today runs with the packages of a mirror of yesterday, whatever the clock says. */
const APT_OPTIONS = [
  'Acquire::Check-Valid-Until "false"',
  'Acquire::Check-Date "false"',
  'Acquire::Retries "3"',
  'APT::Install-Recommends "false"',
];

/** What no test looks at. */
const LEFT_OUT = ["/usr/share/man/*", "/usr/share/locale/*"];

/**
 * Makes a root file system from Debian's packages with mmdebstrap, in a folder that is kept until its recipe changes.
 *
 * Whoever uses it copies it or puts an overlay over it: it is shared.
 *
 * @returns the folder; it also holds `.inputs`, the mark of the build step
 * @throws KuasarError where a package cannot be had, with the end of the log
 */
export function buildRootfs(recipe: RootfsRecipe): Promise<string> {
  return step({
    name: recipe.name,
    output: recipe.name,
    inputs: [{ text: JSON.stringify(recipe) }, { path: `${root}/tests/host/rootfs.ts` }],
    run: async ({ out, log, say }) => {
      await needCommands({ mmdebstrap: "mmdebstrap" }, log, say);
      const { essentialHooks = [], customizeHooks = [], downloaded = [] } = recipe;
      const keepLists = downloaded.length === 0 ? [] : [
        "--skip=cleanup/apt",
        `--customize-hook=chroot "$1" apt-get -q -y --download-only install ${downloaded.join(" ")}`,
      ];
      await run("mmdebstrap", [
        "--mode=root",
        "--format=directory",
        `--variant=${recipe.variant}`,
        ...APT_OPTIONS.map((option) => `--aptopt=${option}`),
        ...LEFT_OUT.map((path) => `--dpkgopt=path-exclude=${path}`),
        "--dpkgopt=force-unsafe-io",
        `--include=${recipe.packages.join(",")}`,
        ...essentialHooks.map((hook) => `--essential-hook=${hook}`),
        ...customizeHooks.map((hook) => `--customize-hook=${hook}`),
        ...keepLists,
        recipe.suite,
        out,
        await archiveUri(),
      ], { log, env: { TMPDIR: "/tmp" } });
    },
  });
}
