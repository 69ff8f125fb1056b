import { capture, type DebianPackage } from "../../lib/build/mod.ts";

/** A package of Debian of which something is in ours. */
export interface DebianOrigin {
  name: string;
  version: string;
  /** Its source package with the version, as the field Built-Using has it: `glibc (= 2.41-12)`. */
  source: string;
}

/** Reads where a package comes from. */
export async function originOf({ file, name, version }: DebianPackage): Promise<DebianOrigin> {
  const field = (await capture("dpkg-deb", ["--field", file, "Source"])).trim();
  const [, source = name, sourceVersion] = /^(\S+)(?: \((.*)\))?$/.exec(field) ?? [];
  // Of a package that was only built again, the source keeps its version.
  return { name, version, source: `${source} (= ${sourceVersion ?? version.replace(/\+b\d+$/, "")})` };
}

/** The text of a package's licences. */
export function licencesOf({ file, name }: DebianPackage): Promise<string> {
  const extract = 'dpkg-deb --fsys-tarfile "$1" | tar -x --to-stdout "./usr/share/doc/$2/copyright"';
  return capture("sh", ["-c", extract, "sh", file, name]);
}

/** The field Built-Using: what must be kept as source as long as we are. */
export function builtUsing(origins: readonly DebianOrigin[]): string {
  return [...new Set(origins.map(({ source }) => source))].sort().join(", ");
}
