import { type ProgramVersion, programVersion } from "../contract/program_version.ts";

/** What a build says of itself: `Firecracker v1.14.0`. */
export interface Build {
  /** `Firecracker 1.14.0`. */
  text: string;
  major: number;
  minor: number;
}

/** The first version that this driver speaks to: earlier ones have no word on where the console goes. */
export const FIRST = { major: 1, minor: 14 } as const;
/** The last version whose API was known when this was written. */
const LAST = { major: 1, minor: 16 } as const;

/** Asks a program for its version; undefined where it cannot be run, which each start then tells. */
export function firecrackerBuild(path: string): Promise<ProgramVersion<Build | undefined>> {
  return programVersion(path, parseBuild);
}

/** Reads `Firecracker v1.14.0`, behind which come empty lines. */
export function parseBuild(output: string): Build | undefined {
  const [, version, major, minor] = /^Firecracker v((\d+)\.(\d+)\S*)/m.exec(output) ?? [];
  if (version === undefined) return undefined;
  return { text: `Firecracker ${version}`, major: Number(major), minor: Number(minor) };
}

/** True from a version on. */
export function atLeast(build: Build, { major, minor }: { major: number; minor: number }): boolean {
  return build.major > major || (build.major === major && build.minor >= minor);
}

/** What a person should know of a version. */
export function versionNotes(build: Build): string[] {
  if (!atLeast(build, FIRST)) {
    return [
      `${build.text} is older than ${FIRST.major}.${FIRST.minor}, the oldest that this driver speaks to`,
    ];
  }
  if (atLeast(build, { major: LAST.major, minor: LAST.minor + 1 })) {
    return [`${build.text} is newer than ${LAST.major}.${LAST.minor}, the newest that was known`];
  }
  return [];
}
