import { KuasarError } from "../../lib/errors/mod.ts";
import { cniConflist, podSubnet } from "./cni.ts";
import { shimBinaries } from "../drivers.ts";
import { containerdConfig, type ContainerdOptions } from "./config.ts";

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

export interface PrepareOptions {
  runDir: string;
  /** Where images and snapshots are kept; `<run dir>/containerd/root` unless given. */
  rootDir?: string;
  programs: ContainerdPrograms;
  sandboxerSocket: string;
  subnet?: string;
  runcPauseImage?: string;
  logLevel?: ContainerdOptions["logLevel"];
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
  await Deno.writeTextFile(
    `${dir}/config.toml`,
    containerdConfig({
      rootDir,
      stateDir,
      address,
      sandboxerSocket: options.sandboxerSocket,
      cniBinDirs: [programs.cniBinDir],
      cniConfDir,
      ...(options.runcPauseImage === undefined ? {} : { runcPauseImage: options.runcPauseImage }),
      ...(options.logLevel === undefined ? {} : { logLevel: options.logLevel }),
    }),
  );
  const subnet = options.subnet ?? podSubnet(options.runDir);
  await Deno.writeTextFile(
    `${cniConfDir}/10-kuasar.conflist`,
    cniConflist({ subnet, dataDir: `${dir}/ipam` }),
  );
  for (const shim of shimBinaries()) {
    await Deno.remove(`${binDir}/${shim}`).catch(() => {});
    await Deno.symlink(programs.agent, `${binDir}/${shim}`);
  }
  const system = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
  const path = [binDir, ...programs.path ?? [], dirname(programs.containerd), ...system];
  return {
    command: programs.containerd,
    args: ["--config", `${dir}/config.toml`],
    // containerd hands its environment to the shim command, which then finds the task server of this run directory.
    env: { PATH: path.join(":"), KUASAR_RUN_DIR: options.runDir },
    address,
    dir,
    stateDir,
    rootDir,
  };
}

function dirname(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}
