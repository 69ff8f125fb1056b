import { createHash } from "node:crypto";
import { run } from "../../lib/build/mod.ts";
import type { Item } from "../install/item.ts";

/** What a Debian package is made of. */
export interface DebSpec {
  name: string;
  version: string;
  architecture: string;
  /** Fields of `control` besides those that follow from the rest, in their order. */
  fields: Readonly<Record<string, string>>;
  /** Its files. A text that is marked as configuration is dpkg's to keep when it has been changed. */
  items: readonly Item[];
  /** Maintainer scripts by their names. */
  scripts: ReadonlyMap<string, string>;
  /** A folder whose files, when they come, change or go with another package, have `postinst triggered` run once at the end. */
  triggeredBy?: string;
}

/** How it is made. */
export interface DebOptions {
  /** Folder for the file. */
  out: string;
  /** A folder that does not exist; removed at the end. */
  work: string;
  log: string;
  /** Time of everything in it, in s since 1970: the same inputs give the same bytes. */
  epochS: number;
}

/**
 * Makes a binary package.
 *
 * @returns the file, `<out>/<name>_<version>_<architecture>.deb`
 * @throws KuasarError with dpkg-deb's last lines
 * @see deb(5), deb-control(5), deb-triggers(5)
 */
export async function writeDeb(spec: DebSpec, { out, work, log, epochS }: DebOptions): Promise<string> {
  const meta = `${work}/DEBIAN`;
  await Deno.mkdir(meta, { recursive: true });
  try {
    for (const item of spec.items) await place(item, work);
    const texts: [name: string, text: string, mode: number][] = [
      ["control", control(spec, installedKib(work)), 0o644],
      ["md5sums", checksums(work), 0o644],
      ...[...spec.scripts].map(([name, text]): [string, string, number] => [name, text, 0o755]),
    ];
    const configs = spec.items.filter((item) => item.kind === "text" && item.config).map(({ path }) => path);
    if (configs.length > 0) texts.push(["conffiles", configs.map((path) => `${path}\n`).join(""), 0o644]);
    if (spec.triggeredBy) texts.push(["triggers", `interest-noawait ${spec.triggeredBy}\n`, 0o644]);
    for (const [name, text, mode] of texts) await put(`${meta}/${name}`, text, mode);
    // A folder that is made gets its mode narrowed by the umask, and the group's bit of the one above.
    await run("find", [work, "-type", "d", "-exec", "chmod", "u=rwx,go=rx,g-s", "{}", "+"], { log });
    const touch = ["-exec", "touch", "--no-dereference", `--date=@${epochS}`, "{}", "+"];
    await run("find", [work, ...touch], { log });
    const file = `${out}/${spec.name}_${spec.version}_${spec.architecture}.deb`;
    // One thread: how many there are shows in what zstd writes.
    const zstd = ["-Zzstd", "-z6", "--threads-max=1"];
    await run("dpkg-deb", ["--root-owner-group", ...zstd, "--build", work, file], {
      log,
      env: { SOURCE_DATE_EPOCH: String(epochS) },
    });
    return file;
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

function control(
  { name, version, architecture, fields }: DebSpec,
  installedKib: number,
): string {
  const { Description: description, ...others } = fields;
  const all = {
    Package: name,
    Version: version,
    Architecture: architecture,
    "Installed-Size": String(installedKib),
    ...others,
    ...description === undefined ? {} : { Description: description },
  };
  return Object.entries(all).map(([key, value]) => `${key}: ${value}\n`).join("");
}

async function place(item: Item, work: string): Promise<void> {
  const path = `${work}${item.path}`;
  await makeFolder(item.kind === "folder" ? path : path.slice(0, path.lastIndexOf("/")));
  if (item.kind === "folder") return;
  if (item.kind === "link") return await Deno.symlink(item.target, path);
  if (item.kind === "text") return await put(path, item.text, item.mode);
  await Deno.copyFile(item.source, path);
  await Deno.chmod(path, item.mode);
}

async function put(path: string, text: string | Uint8Array, mode: number): Promise<void> {
  await Deno.writeFile(path, typeof text === "string" ? new TextEncoder().encode(text) : text);
  // The mode of a new file is narrowed by the umask.
  await Deno.chmod(path, mode);
}

async function makeFolder(path: string): Promise<void> {
  await Deno.mkdir(path, { recursive: true, mode: 0o755 });
}

/** Every path below a folder but for dpkg's own, in order. */
function pathsBelow(work: string, folder = ""): string[] {
  const entries = [...Deno.readDirSync(`${work}/${folder}`)].sort((a, b) => a.name < b.name ? -1 : 1);
  return entries.filter(({ name }) => folder !== "" || name !== "DEBIAN").flatMap(({ name, isDirectory }) => [
    `${folder}${name}`,
    ...isDirectory ? pathsBelow(work, `${folder}${name}/`) : [],
  ]);
}

/** As dpkg-gencontrol(1) counts: each file in whole KiB, and one for everything else. */
function installedKib(work: string): number {
  return pathsBelow(work).reduce((sum, path) => {
    const { isFile, size } = Deno.lstatSync(`${work}/${path}`);
    return sum + (isFile ? Math.ceil(size / 1024) : 1);
  }, 0);
}

/** By which `dpkg --verify` finds what has been changed. */
function checksums(work: string): string {
  return pathsBelow(work).filter((path) => Deno.lstatSync(`${work}/${path}`).isFile).map((path) =>
    `${createHash("md5").update(Deno.readFileSync(`${work}/${path}`)).digest("hex")}  ${path}\n`
  ).join("");
}
