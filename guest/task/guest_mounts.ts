import { KuasarError } from "../../lib/errors/mod.ts";
import type { GuestMount } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import * as sys from "../native/sys.js";
import { log } from "../runtime/log.ts";
import { sleep, within } from "../runtime/deadline.ts";
import { bindVolume, releaseVolume } from "./volume_binds.ts";

const DISK_TIMEOUT_MS = 10_000;
const SERIAL_PREFIX = "serial:";
const PLACE = /^place:([a-z]{3,8}):(\d{1,15})$/;
/** The kernel tells of a place's new size by an event that nothing here hears; it comes within a millisecond. */
const PLACE_LOOK_MS = 5;
/** From a disk's node to the disk it takes the kernel a millisecond. */
const DISK_LOOK_MS = 2;
/** Directories of an overlay that it does not make itself. */
const OVERLAY_DIRECTORY = /^(?:upperdir|workdir)=(.+)$/;

/** Not /sys/block, where a disk appears after its node in /dev has, of which alone there is an event. */
const DISKS = "/sys/class/block";

/** Options that are flags of mount(2); the others are the file system's own. */
const FLAGS: Readonly<Record<string, number>> = {
  ro: sys.MS?.RDONLY ?? 0,
  nosuid: sys.MS?.NOSUID ?? 0,
  nodev: sys.MS?.NODEV ?? 0,
  noexec: sys.MS?.NOEXEC ?? 0,
  noatime: sys.MS?.NOATIME ?? 0,
  relatime: sys.MS?.RELATIME ?? 0,
  bind: sys.MS?.BIND ?? 0,
  rbind: (sys.MS?.BIND ?? 0) | (sys.MS?.REC ?? 0),
  sync: sys.MS?.SYNCHRONOUS ?? 0,
};

/** Splits mount options into flags and data. */
function splitOptions(options: readonly string[]): { flags: number; data: string } {
  let flags = 0;
  const data: string[] = [];
  for (const option of options) {
    const flag = FLAGS[option];
    if (flag !== undefined) flags |= flag;
    else if (option !== "rw" && option !== "defaults") data.push(option);
  }
  return { flags, data: data.join(",") };
}

/** Mounts what a container needs, in order. @returns the targets that are the container's own, for {@link unmountAll} */
export async function mountAll(mounts: readonly GuestMount[]): Promise<string[]> {
  const own: string[] = [];
  try {
    for (const mount of mounts) {
      if (mount.type === "bind") {
        bindVolume(mount);
        own.push(mount.target);
        continue;
      }
      sys.mkdirAll(mount.target, 0o755);
      if (mount.podScoped && isMountPoint(mount.target)) continue;
      const source = await sourceOf(mount.source);
      if (mount.type === "overlay") makeOverlayDirectories(mount.options);
      const { flags, data } = splitOptions(mount.options);
      await mountWhenReady(source, mount.target, mount.type, flags, data);
      if (!mount.podScoped) own.push(mount.target);
    }
    return own;
  } catch (error) {
    unmountAll(own);
    throw error;
  }
}

/**
 * Mounts, also a disk whose node is there before the disk behind it can be opened: the kernel makes the node first, and for that
 * moment answers ENXIO.
 */
async function mountWhenReady(
  source: string,
  target: string,
  type: string,
  flags: number,
  data: string,
): Promise<void> {
  for (const end = sys.nowMs() + DISK_TIMEOUT_MS;;) {
    try {
      return sys.mount(source, target, type, flags, data);
    } catch (error) {
      if ((error as sys.SysError).errno !== sys.E.NXIO || sys.nowMs() > end) throw error;
    }
    await sleep(DISK_LOOK_MS);
  }
}

/** Takes a container's mounts away, the last one first; what is none any more is fine. */
export function unmountAll(targets: readonly string[]): void {
  for (const target of [...targets].reverse()) {
    unmount(target);
    const unused = releaseVolume(target);
    if (unused !== undefined) unmount(unused);
  }
}

function unmount(target: string): void {
  try {
    sys.umount(target, sys.MNT.DETACH | sys.MNT.NOFOLLOW);
  } catch (error) {
    const { errno } = error as sys.SysError;
    if (errno !== sys.E.INVAL && errno !== sys.E.NOENT) log.warn("cannot unmount", { target, error });
  }
}

function isMountPoint(path: string): boolean {
  const parent = sys.stat(`${path}/..`);
  const here = sys.stat(path);
  return here.dev !== parent.dev || here.ino === parent.ino;
}

/** What to mount: a disk is known by its serial or by its place. */
async function sourceOf(source: string): Promise<string> {
  if (source.startsWith(SERIAL_PREFIX)) {
    const path = await diskOf(source.slice(SERIAL_PREFIX.length));
    await untilFilled(path.slice("/dev/".length));
    return path;
  }
  const [, name, sectors] = PLACE.exec(source) ?? [];
  return name === undefined || sectors === undefined ? source : await placeOf(name, sectors);
}

function makeOverlayDirectories(options: readonly string[]): void {
  for (const option of options) {
    const [, directory] = OVERLAY_DIRECTORY.exec(option) ?? [];
    if (directory !== undefined) sys.mkdirAll(directory, 0o755);
  }
}

/** A disk of a microvm is there from the boot on, empty; it has its serial a moment before its size. */
async function untilFilled(name: string): Promise<void> {
  const end = sys.nowMs() + DISK_TIMEOUT_MS;
  while (sys.readTextFile(`${DISKS}/${name}/size`, 64).trim() === "0") {
    if (sys.nowMs() > end) throw new KuasarError("NOT_FOUND", `Cannot use the disk ${name}: it stays empty`);
    await sleep(PLACE_LOOK_MS);
  }
}

/** The device node of a disk that has been there since the boot, once it has the size of what was put into it. */
async function placeOf(name: string, sectors: string): Promise<string> {
  const size = `${DISKS}/${name}/size`;
  const end = sys.nowMs() + DISK_TIMEOUT_MS;
  while (!(sys.exists(size) && sys.readTextFile(size, 64).trim() === sectors && sys.exists(`/dev/${name}`))) {
    if (sys.nowMs() > end) {
      throw new KuasarError(
        "NOT_FOUND",
        `Cannot find the disk in place ${name}: it has not ${sectors} sectors`,
      );
    }
    await sleep(PLACE_LOOK_MS);
  }
  return `/dev/${name}`;
}

/** The device node of the disk with this serial. A hot-plugged disk may take a moment to appear. */
async function diskOf(serial: string): Promise<string> {
  const find = () => {
    for (const { name } of sys.readdir(DISKS)) {
      const file = `${DISKS}/${name}/serial`;
      if (sys.exists(file) && sys.readTextFile(file, 64).trim() === serial && sys.exists(`/dev/${name}`)) {
        return `/dev/${name}`;
      }
    }
    return undefined;
  };
  const found = find();
  if (found) return found;
  const events = sys.inotifyInit();
  try {
    sys.inotifyAddWatch(events, "/dev", sys.IN.CREATE);
    const appeared = new Promise<string>((resolve) => {
      const look = () => {
        const scratch = new Uint8Array(4096);
        while (sys.read(events, scratch) > 0) { /* only the wake-up counts */ }
        const path = find();
        if (path) resolve(path);
      };
      sys.watch(events, sys.EPOLL.IN, look);
      // It may have appeared between the first look and the watch.
      look();
    });
    return await within(DISK_TIMEOUT_MS, `find the disk with serial ${serial}`, appeared);
  } catch (error) {
    throw new KuasarError("NOT_FOUND", `Cannot find the disk with serial ${serial}`, { cause: error });
  } finally {
    sys.close(events);
  }
}
