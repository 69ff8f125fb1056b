/** What a driver's generated configuration may name. All paths are absolute. */
export interface DeploymentContext {
  /** Programs of the host, by their keys in the table of deploy/host; `launcher` starts VMMs in the place of our agent. */
  tools: Readonly<Record<string, string>>;
  /** Our agent, which on the host also holds shared PID namespaces. */
  agent: string;
  /** The guest's kernel as ELF with a PVH entry. */
  kernel: string;
  /** The same as bzImage. */
  bzImage: string;
  initrd: string;
  /** The guest's disk image. */
  image: string;
  /** Memory of a VM that asks for nothing else, in MiB. */
  memoryMib: number;
  /** gRPC socket of containerd, where it is not the usual one. */
  containerdAddress?: string;
  /** Where a driver may keep what is worth keeping; its own default unless given. */
  cacheDir?: string;
  /** Replaces the driver's own kernel parameters. */
  kernelParams?: string;
  /** How long a guest may take to boot, in s; the driver's own unless given. */
  bootTimeoutS?: number;
}

/** A program that comes from its own project and not from a package of Debian. */
export interface OutsideProgram {
  /** The program of the driver's default configuration. */
  path: string;
  /** Arguments that make it print its version. */
  versionArgs: readonly string[];
  /** The oldest version that the driver speaks to. */
  minVersion: string;
  /** How to get it, for a person. */
  remedy: string;
}

/**
 * What its unit lets a driver do (deploy/systemd/hardening.ts): for pods of `namespaces` of the host, for VMs, for VMs whose
 * VMM serves files by itself, for sandboxes that bring a kernel of their own without a VMM of ours.
 */
export type DriverPowers = "namespaces" | "vm" | "file-serving-vm" | "own-kernel";

/** All that the rest of the house must know of a driver to install, start and offer it. */
export interface DriverDeployment {
  /** Its name in sockets, units and `kuasar-ctl list`: `cloud-hypervisor`. */
  name: string;
  /** Its folder below drivers/: `cloud_hypervisor`. */
  folder: string;
  /** Names of runtime handlers (RuntimeClass, crictl) that mean this driver; the first is the one to recommend. */
  handlers: readonly [string, ...string[]];
  /**
   * containerd's runtime type of these handlers. containerd resolves it to a shim program when it restarts, and deletes
   * the bundles of running containers where it cannot: `io.containerd.kuasar-vmm.v2`.
   */
  runtimeType: string;
  /** Keys of the programs of the host that it cannot do without. */
  tools: readonly string[];
  /** The program without which it starts nothing, where the host's packages have none. */
  program?: OutsideProgram;
  /** A program that it can be configured to use instead of one of {@link tools}. */
  alternative?: OutsideProgram;
  /** True where its pods are VMs: it needs a guest's kernel and image. */
  vm: boolean;
  /** What it may do under systemd, and with it everything that it starts. */
  powers: DriverPowers;
  /** True where its guests run under KVM only. */
  needsKvm?: true;
  /** Annotations of pods and containers that containerd must hand on; `*` stands for anything. */
  annotations?: readonly string[];
  /** True where its guests see no directory of the host: their containers have disks, and copies of volumes. */
  sharesNothing?: true;
  /** Name of its configuration file below /var/lib/kuasar on an installed host. */
  configFile: string;
  /** A configuration for what stands in the build folder, as TOML. */
  configuration(context: DeploymentContext): string;
}

/** Writes one table of TOML; keys without a value are left out. */
export function tomlTable(
  name: string,
  values: Readonly<Record<string, string | number | boolean | undefined>>,
): string {
  // JSON's strings are valid in TOML.
  const lines = Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key} = ${JSON.stringify(value)}`]
  );
  return `[${name}]\n${lines.join("\n")}\n`;
}
