import { KuasarError } from "../../lib/errors/mod.ts";
import { cniConflist, podSubnet } from "./cni.ts";
import { shimBinaries } from "../drivers.ts";
import { containerdConfig, type ContainerdOptions, type IoType } from "./config.ts";
import { containerd17Config } from "./config17.ts";

/** containerd 2, or 1.7 with or without its sandbox mode. */
export type ContainerdRelease = "2" | "1.7" | "1.7-sandbox-mode";

/** The programs a private containerd needs, as absolute paths. */
export interface ContainerdPrograms {
  containerd: string;
  ctr: string;
  /** Folder with ptp, host-local and loopback. */
  cniBinDir: string;
  /** Our agent; containerd calls it as its shim. */
  agent: string;
  /** Folders that are searched for programs, runc among them. */
  path?: readonly string[];
}

/** What starts a prepared containerd. */
export interface ContainerdInstance {
  command: string;
  args: string[];
  env: Record<string, string>;
  /** Socket of its gRPC API. */
  address: string;
  /** What `prepareContainerd` made; what goes when it is over. */
  dir: string;
  stateDir: string;
  rootDir: string;
}

/** What a private containerd is set up with. */
export interface PrepareOptions {
  runDir: string;
  /** Where images and snapshots are kept; `<run dir>/containerd/root` unless given. */
  rootDir?: string;
  programs: ContainerdPrograms;
  sandboxerSocket: string;
  subnet?: string;
  pauseImage?: string;
  /** `fifo` unless given. */
  ioType?: IoType;
  /** What this containerd is; one that has the Sandbox API unless given. */
  release?: ContainerdRelease;
  logLevel?: ContainerdOptions["logLevel"];
  /** Drop-ins of an installation that offer our handlers; its shim programs are then in the programs' path. */
  imports?: readonly string[];
}

/** Writes configuration, CNI configuration and the shim's link of a private containerd below `runDir`. */
export async function prepareContainerd(options: PrepareOptions): Promise<ContainerdInstance> {
  const { programs } = options;
  for (const program of [programs.containerd, programs.ctr, programs.agent, `${programs.cniBinDir}/ptp`]) {
    await Deno.stat(program).catch((cause) => {
      throw new KuasarError(
        "NOT_FOUND",
        `Cannot start containerd: ${program} is missing; run deno task setup`,
        {
          cause,
        },
      );
    });
  }
  const dir = `${options.runDir}/containerd`;
  const [rootDir, stateDir] = [options.rootDir ?? `${dir}/root`, `${dir}/state`];
  const [binDir, cniConfDir] = [`${dir}/bin`, `${dir}/cni`];
  for (const path of [dir, rootDir, stateDir, binDir, cniConfDir]) {
    await Deno.mkdir(path, { recursive: true });
  }
  const address = `${dir}/containerd.sock`;
  const release = options.release ?? "2";
  const writeConfig = release === "2" ? containerdConfig : containerd17Config;
  await Deno.writeTextFile(
    `${dir}/config.toml`,
    writeConfig({
      rootDir,
      stateDir,
      address,
      sandboxerSocket: options.sandboxerSocket,
      cniBinDirs: [programs.cniBinDir],
      cniConfDir,
      ...(options.pauseImage === undefined ? {} : { pauseImage: options.pauseImage }),
      ...(options.ioType === undefined ? {} : { ioType: options.ioType }),
      ...(options.logLevel === undefined ? {} : { logLevel: options.logLevel }),
      ...(options.imports === undefined ? {} : { imports: options.imports }),
    }),
  );
  const subnet = options.subnet ?? podSubnet(options.runDir);
  await Deno.writeTextFile(
    `${cniConfDir}/10-kuasar.conflist`,
    cniConflist({ subnet, dataDir: `${dir}/ipam` }),
  );
  for (const shim of options.imports === undefined ? shimBinaries() : []) {
    await Deno.remove(`${binDir}/${shim}`).catch(() => {});
    await Deno.symlink(programs.agent, `${binDir}/${shim}`);
  }
  const system = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
  const path = [binDir, ...programs.path ?? [], dirname(programs.containerd), ...system];
  return {
    command: programs.containerd,
    args: ["--config", `${dir}/config.toml`],
    // containerd hands its environment to the shim command, which then finds the task server of this run directory.
    env: {
      PATH: path.join(":"),
      KUASAR_RUN_DIR: options.runDir,
      ...(release === "1.7-sandbox-mode" ? { ENABLE_CRI_SANDBOXES: "1" } : {}),
    },
    address,
    dir,
    stateDir,
    rootDir,
  };
}

function dirname(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}
