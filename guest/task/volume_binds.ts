import { KuasarError } from "../../lib/errors/mod.ts";
import type { GuestMount } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import { SHARE_PATH } from "../init/share.ts";
import * as sys from "../native/sys.js";

/** The volumes that containers have been given here, by the place where each has it. */
const sources = new Map<string, string>();

/**
 * Gives a container a volume of the pod, or a part of one. All containers of a pod have a volume from the same place, so that
 * it is one file system to them: with the same locks, sockets and events.
 *
 * What is below a volume belongs to its containers: each component of `subPath` is opened by itself, and none may be a link.
 *
 * @throws KuasarError FAILED_PRECONDITION where a link is on the way; SysError
 */
export function bindVolume({ source, target, subPath = "", options }: GuestMount): void {
  const made = madeWith(options);
  // For reading: only then does the kernel mount what the host has mounted at that place of the share, once for all.
  let at = sys.open(source, sys.O.RDONLY);
  try {
    for (const part of subPath.split("/").filter(Boolean)) {
      const below = openPart(at, part, made);
      sys.close(at);
      at = below;
      const { type } = sys.fstat(at);
      if (type === "dir" || type === "file") continue;
      throw new KuasarError(
        "FAILED_PRECONDITION",
        `Cannot mount ${JSON.stringify(subPath)} of a volume: ${JSON.stringify(part)} is a ${type}`,
      );
    }
    makeTarget(target, sys.fstat(at).type === "dir");
    sys.mount(`/proc/self/fd/${at}`, target, "", sys.MS.BIND | sys.MS.REC);
    sources.set(target, source);
  } finally {
    sys.close(at);
  }
}

/**
 * Lets go of a volume whose place here is no mount any more.
 *
 * @returns what the last one who lets go of it takes out of the guest: of the host's alone, a volume in memory is the pod's
 */
export function releaseVolume(target: string): string | undefined {
  const source = sources.get(target);
  if (source === undefined) return undefined;
  sources.delete(target);
  sys.removeAll(target);
  return source.startsWith(`${SHARE_PATH}/`) && ![...sources.values()].includes(source) ? source : undefined;
}

/** How directories are made that are missing: undefined where none are. */
interface Made {
  mode: number;
  uid: number;
  gid: number;
}

function madeWith(options: readonly string[]): Made | undefined {
  const value = (name: string, radix: number) => {
    const option = options.find((one) => one.startsWith(`${name}=`));
    return option === undefined ? undefined : parseInt(option.slice(name.length + 1), radix);
  };
  const mode = value("mode", 8);
  return mode === undefined ? undefined : { mode, uid: value("uid", 10) ?? 0, gid: value("gid", 10) ?? 0 };
}

function openPart(parent: number, part: string, made: Made | undefined): number {
  const path = `/proc/self/fd/${parent}/${part}`;
  const flags = sys.O.PATH | sys.O.NOFOLLOW;
  if (part === "." || part === "..") throw new KuasarError("INVALID_ARGUMENT", `Cannot mount ${part}`);
  try {
    return sys.open(path, flags);
  } catch (error) {
    if (made === undefined || (error as sys.SysError).errno !== sys.E.NOENT) throw error;
  }
  sys.mkdir(path, 0o700);
  const fd = sys.open(path, flags);
  // Not through the path, in whose place a container may have put another.
  sys.chown(`/proc/self/fd/${fd}`, made.uid, made.gid);
  sys.chmod(`/proc/self/fd/${fd}`, made.mode);
  return fd;
}

function makeTarget(target: string, isDirectory: boolean): void {
  if (isDirectory) return sys.mkdirAll(target, 0o755);
  sys.mkdirAll(target.slice(0, target.lastIndexOf("/")), 0o755);
  sys.writeFile(target, "");
}
