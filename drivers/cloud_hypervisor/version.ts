import { type ProgramVersion, programVersion } from "../contract/program_version.ts";

/** A version as Cloud Hypervisor counts: `v51.2`, `v53.0.0`. */
export interface Version {
  major: number;
  minor: number;
}

/** What a build says of itself. */
export interface Build {
  /** `Cloud Hypervisor 53.0.0`. */
  text: string;
  version: Version;
  /** What it was built with, `kvm` among it where it runs guests on KVM. */
  features: readonly string[];
}

/** The first version that this driver speaks to. */
export const FIRST_MAJOR = 40;
/** The last version whose API was known when this was written. */
const LAST_MAJOR = 53;

/** Earlier ones have known holes in their disk code. */
const SECURE: Version = { major: 51, minor: 2 };

/** Asks a program for its version; undefined where it cannot be run, which each start then tells. */
export function cloudHypervisorBuild(path: string): Promise<ProgramVersion<Build | undefined>> {
  // With `-v` the features are told too.
  return programVersion(path, parseBuild, { args: ["--version", "-v"] });
}

/** Reads `cloud-hypervisor v51.2` and, where it follows, `Enabled features: ["kvm"]`. */
export function parseBuild(output: string): Build | undefined {
  const [, text, major, minor] = /^cloud-hypervisor v((\d+)(?:\.(\d+))?\S*)/m.exec(output) ?? [];
  if (text === undefined) return undefined;
  const [, list] = /^Enabled features: \[(.*)\]/m.exec(output) ?? [];
  return {
    text: `Cloud Hypervisor ${text}`,
    version: { major: Number(major), minor: Number(minor ?? 0) },
    // Releases are built for KVM, and the older ones do not say so.
    features: list === undefined ? ["kvm"] : [...list.matchAll(/"([^"]*)"/g)].map(([, feature]) => feature!),
  };
}

/** True from a version on. */
export function atLeast(version: Version, major: number, minor = 0): boolean {
  return version.major > major || (version.major === major && version.minor >= minor);
}

/** What a person should know of a version. */
export function versionNotes({ version, text }: Build): string[] {
  if (version.major < FIRST_MAJOR) {
    return [`${text} is older than v${FIRST_MAJOR}, the oldest that this driver speaks to`];
  }
  if (!atLeast(version, SECURE.major, SECURE.minor)) {
    return [`${text} has known security holes; use v${SECURE.major}.${SECURE.minor} or later`];
  }
  if (version.major > LAST_MAJOR) return [`${text} is newer than v${LAST_MAJOR}, the newest that was tried`];
  return [];
}
