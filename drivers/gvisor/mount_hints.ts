import { KuasarError } from "../../lib/errors/mod.ts";
import { isWithin, mountOf, placeInFilesystem, readMountinfo } from "../../lib/mounts/mod.ts";
import type { Mount } from "../../lib/oci/mod.ts";

/** What is known of a volume before any container has it, by annotations of gVisor's: `dev.gvisor.spec.mount.<name>.<key>`. */
const PREFIX = "dev.gvisor.spec.mount.";

/** Keys of a hint, and what each may say; a source may be anything that is a path. */
const VALUES = {
  source: /^\//,
  type: /^(tmpfs|bind)$/,
  share: /^(container|pod|shared)$/,
  options: /^[\w=,.-]*$/,
} as const;

/** A volume of which gVisor's kernel may know more than that there is a directory on the host. */
export interface MountHint {
  name: string;
  /** On the host: by it the kernel knows the volume when a container brings it. */
  source: string;
  type: string;
  share: string;
  options: string;
}

/**
 * The hints of a pod's annotations. One that names no source means the volume of that name in the kubelet's directory, as
 * with gVisor's own shim.
 *
 * @param volumesDir the kubelet's of this pod, `…/pods/<uid>/volumes`
 * @throws KuasarError INVALID_ARGUMENT naming the annotation that is wrong, or the volume that is not there
 */
export function mountHints(annotations: Readonly<Record<string, string>>, volumesDir: string): MountHint[] {
  const found = new Map<string, Partial<Record<keyof typeof VALUES, string>>>();
  for (const [key, value] of Object.entries(annotations)) {
    if (!key.startsWith(PREFIX)) continue;
    const at = key.lastIndexOf(".");
    const [name, part] = [key.slice(PREFIX.length, Math.max(at, PREFIX.length)), key.slice(at + 1)];
    // The pod's shared memory has a hint of ours.
    // gVisor's kernel would take a name with a dot for a hint of another form, and not start.
    if (name === "" || name === "shm" || name.includes(".") || !(part in VALUES)) {
      throw wrong(key, value, "there is no such hint");
    }
    const own = part as keyof typeof VALUES;
    if (!VALUES[own].test(value)) throw wrong(key, value, `it must match ${VALUES[own].source}`);
    found.set(name, { ...found.get(name), [own]: value });
  }
  return [...found].map(([name, { source, type, share, options = "" }]) => {
    if (type === undefined || share === undefined) {
      throw wrong(`${PREFIX}${name}`, "", "a hint has a type and a share");
    }
    return { name, source: source ?? volumeOf(name, volumesDir), type, share, options };
  });
}

/** The annotations of the sandbox's first container, from which gVisor's kernel takes the hints. */
export function hintAnnotations(hints: readonly MountHint[]): Record<string, string> {
  return Object.fromEntries(
    hints.flatMap(({ name, ...hint }) =>
      Object.entries(hint).filter(([, value]) => value !== "").map(([key, value]) =>
        [`${PREFIX}${name}.${key}`, value] as const
      )
    ),
  );
}

/**
 * A mount whose volume is a tmpfs of the sandbox: by type and source the kernel knows it, and its containers share it.
 *
 * @throws KuasarError FAILED_PRECONDITION for a part of such a volume: it would be the host's, and not that of the others
 */
export function hinted(mount: Mount, hints: readonly MountHint[]): Mount {
  const own = hints.filter(({ type }) => type === "tmpfs");
  if (own.length === 0 || !mount.source?.startsWith("/")) return mount;
  const mounts = readMountinfo();
  const placeOf = (path: string) => {
    const real = realPath(path);
    const home = mountOf(mounts, real);
    return home ? placeInFilesystem(real, home) : { device: "", path: real };
  };
  const wanted = placeOf(mount.source);
  for (const { name, source, options } of own) {
    const volume = placeOf(source);
    if (wanted.device !== volume.device || !isWithin(wanted.path, volume.path)) continue;
    if (wanted.path !== volume.path) {
      throw new KuasarError(
        "FAILED_PRECONDITION",
        `Cannot mount ${mount.source} at ${mount.destination}: it is a part of the volume ${name}, which the pod calls its own ` +
          `(${PREFIX}${name}), and of such a volume gVisor can give a container the whole only`,
      );
    }
    const readOnly = mount.options?.some((option) => option === "ro" || option === "rro");
    return {
      destination: mount.destination,
      type: "tmpfs",
      source,
      options: [...options.split(",").filter(Boolean), ...(readOnly ? ["ro"] : [])],
    };
  }
  return mount;
}

function realPath(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path;
  }
}

function volumeOf(name: string, volumesDir: string): string {
  try {
    const found = [...Deno.readDirSync(volumesDir)].map((plugin) => `${volumesDir}/${plugin.name}/${name}`)
      .filter((path) => !name.includes("/") && isDirectory(path));
    if (found.length === 1) return found[0]!;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  throw wrong(`${PREFIX}${name}`, "", `there is no such volume in ${volumesDir}; name its source`);
}

function isDirectory(path: string): boolean {
  try {
    return Deno.lstatSync(path).isDirectory;
  } catch {
    return false;
  }
}

function wrong(key: string, value: string, reason: string): KuasarError {
  return new KuasarError(
    "INVALID_ARGUMENT",
    `Cannot use the annotation ${key}: ${reason}, current value is ${JSON.stringify(value)}`,
  );
}
