import { KuasarError } from "../errors/mod.ts";
import { archiveIn } from "./apt_sources.ts";
import { withLock } from "./lock.ts";
import { buildDir } from "./root.ts";
import { capture, run } from "./run.ts";

/** A Debian release: packages of a newer one are taken where the host's own are too old. */
export type Suite = "bookworm" | "trixie" | "forky";

const SOURCES = ["/etc/apt/sources.list", "/etc/apt/sources.list.d"];
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** The Debian archive that the host itself uses, from either format of apt's sources. */
export async function archiveUri(): Promise<string> {
  const files: string[] = [];
  for (const path of SOURCES) {
    const info = await Deno.stat(path).catch(() => null);
    if (info?.isFile) files.push(path);
    if (info?.isDirectory) {
      for await (const entry of Deno.readDir(path)) {
        if (/\.(list|sources)$/.test(entry.name)) files.push(`${path}/${entry.name}`);
      }
    }
  }
  for (const file of files.sort()) {
    const archive = archiveIn(await Deno.readTextFile(file));
    if (archive) return archive;
  }
  throw new KuasarError(
    "FAILED_PRECONDITION",
    `Cannot find a Debian archive: no source in ${SOURCES.join(" or ")} has a release's main`,
  );
}

/** What the configuration of the host would overrule, if it stood in a file. */
const APT_OPTIONS = [
  // Where it has none, as in many containers, each call reads all lists anew: 2 s and more.
  "Dir::Cache::pkgcache=pkgcache.bin",
  "Dir::Cache::srcpkgcache=srcpkgcache.bin",
  // 8 MB for shops of software.
  "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
].flatMap((option) => ["-o", option]);

/** With these apt tells of every package that is wanted what it would fetch, also of one that is here already. */
const LIST_ALL = ["-o", "Dir::Cache::archives=none", "-qq", "--print-uris"];

/** Writes a file that has not that text yet: what is newer than apt's cache makes it worthless. */
async function keepText(path: string, text: string): Promise<void> {
  if (await Deno.readTextFile(path).catch(() => undefined) !== text) await Deno.writeTextFile(path, text);
}

/** Makes an apt of our own for `suite`, which knows no installed package and touches nothing of the host's. */
async function privateApt(suite: Suite, log: string): Promise<Record<string, string>> {
  const dir = `${buildDir}/apt/${suite}`;
  const env = { APT_CONFIG: `${dir}/apt.conf`, DEBIAN_FRONTEND: "noninteractive" };
  for (const sub of ["lists/partial", "cache/archives/partial", "cache/none/partial", "preferences.d"]) {
    await Deno.mkdir(`${dir}/${sub}`, { recursive: true });
  }
  await keepText(`${dir}/status`, "");
  await keepText(
    `${dir}/sources.list`,
    `deb [signed-by=${KEYRING}] ${await archiveUri()} ${suite} main\n`,
  );
  await keepText(
    env.APT_CONFIG,
    [
      `Dir::Etc::sourcelist "${dir}/sources.list";`,
      `Dir::Etc::sourceparts "-";`,
      `Dir::Etc::preferences "-";`,
      `Dir::Etc::preferencesparts "${dir}/preferences.d";`,
      `Dir::State::Lists "${dir}/lists";`,
      `Dir::State::status "${dir}/status";`,
      `Dir::Cache "${dir}/cache";`,
      `APT::Default-Release "";`,
      `APT::Install-Recommends "false";`,
      `APT::Sandbox::User "root";`,
      `Acquire::Languages "none";`,
      `Acquire::Retries "3";`,
      "",
    ].join("\n"),
  );
  const stamp = `${dir}/updated`;
  const updated = (await Deno.stat(stamp).catch(() => null))?.mtime?.getTime() ?? 0;
  // Package lists older than a day may name files that the archive no longer has.
  if (Date.now() - updated > 86_400_000) {
    await run("apt-get", [...APT_OPTIONS, "-q", "update"], { env, log });
    await Deno.writeTextFile(stamp, "");
  }
  return env;
}

/** How packages are fetched. */
export interface FetchOptions {
  /** Also everything they depend on, down to libc. */
  closure: boolean;
  log: string;
}

/** A package as it was fetched. */
export interface DebianPackage {
  name: string;
  version: string;
  /** The .deb file. */
  file: string;
}

/**
 * Downloads packages of a Debian release into the build cache without installing anything.
 *
 * @returns the packages, sorted by name
 * @throws KuasarError what went wrong, with apt's output
 */
export async function fetchPackages(
  suite: Suite,
  names: readonly string[],
  options: FetchOptions,
): Promise<DebianPackage[]> {
  await Deno.mkdir(`${buildDir}/lock`, { recursive: true });
  return await withLock(`${buildDir}/lock/apt-${suite}`, async () => {
    const env = await privateApt(suite, options.log);
    const archives = `${buildDir}/apt/${suite}/cache/archives`;
    const target = options.closure ? ["install", "-y", "--download-only", ...names] : ["download", ...names];
    const listed = await capture("apt-get", [...APT_OPTIONS, ...LIST_ALL, ...target], env);
    const packages = [...listed.matchAll(/^'\S+' ((\S+?)_(\S+?)_\S+\.deb) (\d+) /gm)].map((
      [, archive, name, version, size],
    ) => ({
      name: name!,
      version: decodeURIComponent(version!),
      file: `${archives}/${archive}`,
      size: Number(size),
    }));
    const sizes = await Promise.all(packages.map(({ file }) => Deno.stat(file).catch(() => undefined)));
    if (packages.some(({ size }, index) => sizes[index]?.size !== size)) {
      await run("apt-get", [...APT_OPTIONS, "-q", ...target], { env, log: options.log, cwd: archives });
    }
    return packages.map(({ name, version, file }) => ({ name, version, file }))
      .sort((a, b) => a.name < b.name ? -1 : 1);
  });
}

/** Unpacks packages over each other into `dir`, without running their scripts. */
export async function unpackPackages(
  packages: readonly DebianPackage[],
  dir: string,
  log: string,
): Promise<void> {
  await Deno.mkdir(dir, { recursive: true });
  // Since trixie /bin, /lib and /lib64 are links into /usr, which the package base-files would make.
  for (const name of ["bin", "sbin", "lib", "lib64"]) {
    await Deno.mkdir(`${dir}/usr/${name}`, { recursive: true });
    await Deno.symlink(`usr/${name}`, `${dir}/${name}`).catch((error) => {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    });
  }
  for (const item of packages) {
    const tar = new Deno.Command("sh", {
      args: [
        "-c",
        'dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink -C "$2"',
        "sh",
        item.file,
        dir,
      ],
      stderr: "piped",
    });
    const { success, stderr } = await tar.output();
    if (!success) {
      await Deno.writeFile(log, stderr, { append: true });
      throw new KuasarError("INTERNAL", `Cannot unpack ${item.file}`, {
        evidence: new TextDecoder().decode(stderr).split("\n"),
      });
    }
  }
}

/**
 * Installs build tools with the host's own apt where a command is missing.
 *
 * @param tools command name → Debian package
 */
export async function needCommands(
  tools: Record<string, string>,
  log: string,
  say: (line: string) => void,
): Promise<void> {
  const missing = new Set<string>();
  for (const [command, name] of Object.entries(tools)) {
    const isFile = command.startsWith("/");
    const probe = isFile ? ["test", "-e", command] : ["sh", "-c", `command -v ${command}`];
    const { success } = await new Deno.Command(probe[0]!, {
      args: probe.slice(1),
      stdout: "null",
      stderr: "null",
    }).output();
    if (!success) missing.add(name);
  }
  if (missing.size === 0) return;
  say(`installing build tools with apt: ${[...missing].join(" ")}`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await Deno.mkdir(`${buildDir}/lock`, { recursive: true });
  await withLock(`${buildDir}/lock/apt-host`, async () => {
    const options = { env, log, finish: true };
    await run("apt-get", ["-q", "update"], options);
    await run("apt-get", ["-q", "install", "-y", "--no-install-recommends", ...missing], options);
  });
}
