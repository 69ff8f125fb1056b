import { KuasarError } from "../errors/mod.ts";
import {
  absolutePath,
  anything,
  bool,
  integer,
  list,
  natural,
  object,
  oneOf,
  record,
  text,
} from "./check.ts";
import { parseExact, stringifyExact } from "./json.ts";
import { NAMESPACE_TYPES, type Process, type Spec } from "./spec.ts";

/** The largest config.json that is read, in characters: room for two full argument lists of the kernel. */
export const MAX_SPEC_LENGTH = 4 * 1024 * 1024;
/** Bounds on list lengths; far above what any orchestrator writes. */
const MAX_MOUNTS = 1024;
const MAX_ITEMS = 65536;
/** JSON nested deeper than this is not an OCI spec (a seccomp rule needs 6 levels). */
const MAX_DEPTH = 32;

const idMapping = object({ containerID: natural, hostID: natural, size: natural }, [
  "containerID",
  "hostID",
  "size",
]);

const processCheck = object({
  terminal: bool,
  consoleSize: object({ height: natural, width: natural }, ["height", "width"]),
  user: object({ uid: natural, gid: natural, umask: natural, additionalGids: list(natural, MAX_ITEMS) }),
  args: list(text, MAX_ITEMS),
  env: list(text, MAX_ITEMS),
  cwd: absolutePath,
  apparmorProfile: text,
  selinuxLabel: text,
  oomScoreAdj: integer,
  noNewPrivileges: bool,
  rlimits: list(object({ type: text, soft: anything, hard: anything }, ["type"]), 64),
}, ["cwd"]);

const specCheck = object({
  ociVersion: text,
  process: processCheck,
  root: object({ path: text, readonly: bool }, ["path"]),
  hostname: text,
  domainname: text,
  mounts: list(
    object({ destination: absolutePath, type: text, source: text, options: list(text, 256) }, [
      "destination",
    ]),
    MAX_MOUNTS,
  ),
  annotations: record(text, 4096),
  linux: object({
    namespaces: list(object({ type: oneOf(NAMESPACE_TYPES), path: text }, ["type"]), 32),
    devices: list(
      object({
        path: absolutePath,
        type: oneOf(["c", "u", "b", "p"]),
        major: integer,
        minor: integer,
        fileMode: natural,
        uid: natural,
        gid: natural,
      }, ["path", "type"]),
      MAX_ITEMS,
    ),
    cgroupsPath: text,
    resources: object({
      devices: list(
        object({ allow: bool, type: text, major: integer, minor: integer, access: text }, ["allow"]),
        MAX_ITEMS,
      ),
      memory: object({ limit: integer, reservation: integer, swap: integer }),
      cpu: object({ shares: natural, quota: integer, period: natural, cpus: text, mems: text }),
      pids: object({ limit: integer }),
      unified: record(text, 1024),
    }),
    uidMappings: list(idMapping, 340),
    gidMappings: list(idMapping, 340),
    rootfsPropagation: text,
    mountLabel: text,
    sysctl: record(text, 1024),
    maskedPaths: list(text, 1024),
    readonlyPaths: list(text, 1024),
  }),
}, ["ociVersion"]);

/**
 * Reads a config.json.
 *
 * The value returned is the document itself: what is not part of `Spec` is still there. A property that is
 * `null` counts as absent and is removed where `Spec` names it, as Go writes empty pointers and slices so.
 *
 * @throws INVALID_ARGUMENT naming the property that is wrong
 */
export function parseSpec(json: string): Spec {
  if (json.length > MAX_SPEC_LENGTH) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot use the OCI spec: it is ${json.length} characters long, at most ${MAX_SPEC_LENGTH} are read`,
    );
  }
  const value = withoutNulls(parseJson(json));
  specCheck(value, "");
  return value as Spec;
}

/** Reads the spec of a process that is started in a running container. @throws INVALID_ARGUMENT */
export function parseProcess(json: string): Process {
  if (json.length > MAX_SPEC_LENGTH) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot use the process spec: it is ${json.length} characters long`,
    );
  }
  const value = withoutNulls(parseJson(json));
  processCheck(value, "process");
  return value as Process;
}

function parseJson(json: string): unknown {
  try {
    return parseExact(json);
  } catch (cause) {
    throw new KuasarError("INVALID_ARGUMENT", `Cannot use the OCI spec: ${(cause as Error).message}`, {
      cause,
    });
  }
}

function withoutNulls(value: unknown, depth = 0): unknown {
  if (depth > MAX_DEPTH) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot use the OCI spec: nested deeper than ${MAX_DEPTH} levels`,
    );
  }
  if (Array.isArray(value)) return value.map((item) => withoutNulls(item, depth + 1));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== null)
      .map(([key, item]) => [key, withoutNulls(item, depth + 1)]),
  );
}

/** Writes a spec back, with every 64-bit number as exact as it was read. */
export function stringifySpec(spec: Spec): string {
  return stringifyExact(spec);
}
