import { mount } from "../../lib/libc/mod.ts";
import { unmountBelow } from "../../lib/mounts/mod.ts";
import type { Container } from "../harness/mod.ts";
import type { Area, Case, Difference, Place } from "./case.ts";

/** What a volume is on the host: a kubelet's emptyDir on disk or in memory, or any directory. */
export const VOLUMES = {
  disk: "pods/p/volumes/kubernetes.io~empty-dir/disk",
  memory: "pods/p/volumes/kubernetes.io~empty-dir/memory",
  host: "host",
} as const;

/** Where a container has a volume, or with a slash behind its name a part of one; `ro` before it is read-only. */
type Mounts = Readonly<Record<string, string>>;

/** gVisor's files of two mounts, where the pod does not say that the volume is its own. */
const APART: Difference = {
  kinds: ["gvisor"],
  instead: {
    "socket: hello": "socket: connect: ENOENT",
    "lock: flock: EAGAIN": "lock: locked",
    "events: 1 2": "events: none",
  },
  why:
    "each mount has a file server of its own in gVisor: files are the same, but sockets, locks and events are the mount's, " +
    "unless the pod calls the volume its own by a mount hint",
};

/** The whole of a directory after a part of it, in a VM. */
const MORE_THAN_BEFORE: Difference = {
  kinds: ["qemu"],
  instead: {
    "socket: hello\nlock: flock: EAGAIN": "socket: connect: ECONNREFUSED\nlock: locked",
    "events: 1 2": "events: none",
  },
  why:
    "a guest is shown no more of the host than what was asked for, so that the whole of a directory that is asked for after " +
    "a part of it is another file system until the first container ends; an emptyDir, which is the pod's own, is not",
};

export const volumes: Area = {
  name: "volumes",
  groups: [{
    name: "one volume of two containers",
    prepare: prepareVolumes,
    cleanUp: cleanUpVolumes,
    cases: [
      ...(["disk", "memory", "host"] as const).flatMap((kind) => [
        meeting(`${kind}, whole`, { "/v": kind }, "/v", { "/v": kind }, "/v"),
        meeting(
          `${kind}, a part of it before the whole`,
          { "/part": `${kind}/sub` },
          "/part",
          { "/v": kind },
          "/v/sub",
          kind === "host" ? [APART, MORE_THAN_BEFORE] : [APART],
        ),
        meeting(
          `${kind}, a part of it after the whole`,
          { "/v": kind },
          "/v/sub",
          { "/part": `${kind}/sub` },
          "/part",
        ),
        meeting(`${kind}, the same part`, { "/a": `${kind}/sub` }, "/a", { "/b": `${kind}/sub` }, "/b"),
      ]),
      ...(["disk", "memory", "host"] as const).map((kind): Case => ({
        name: `${kind}, what one that is gone has left in a part of it`,
        act: async (place) => {
          const a = await sleeper(place, { "/part": `${kind}/sub` });
          await a.shell("echo left >/part/file");
          await end(a);
          const b = await sleeper(place, { "/v": kind });
          const { stdout } = await b.shell("cat /v/sub/file; rm /v/sub/file");
          await end(b);
          return stdout;
        },
      })),
      meeting("host, read-only for one", { "/v": "host" }, "/v", { "/v": "ro host" }, "/v", [{
        kinds: ["gvisor"],
        instead: { "socket: hello": "socket: connect: ENOENT", "events: 1 2": "events: none" },
        why: APART.why,
      }]),
      meeting("host, twice in one container", { "/v": "host", "/again": "host" }, "/v", undefined, "/again"),
      meeting(
        "memory, twice in one container",
        { "/v": "memory", "/part": "memory/sub" },
        "/v/sub",
        undefined,
        "/part",
      ),
    ],
  }],
};

/** Makes each volume below a group's folder. */
export async function prepareVolumes(dir: string): Promise<void> {
  for (const [kind, path] of Object.entries(VOLUMES)) {
    await Deno.mkdir(`${dir}/${path}`, { recursive: true });
    if (kind === "memory") mount({ source: "tmpfs", target: `${dir}/${path}`, type: "tmpfs" });
    await Deno.mkdir(`${dir}/${path}/sub`);
  }
}

/** Undoes {@link prepareVolumes} as far as the removal of the folder does not. */
export function cleanUpVolumes(dir: string): void {
  unmountBelow(`${dir}/${VOLUMES.memory}`);
}

/** One container listens, locks and writes in a directory; what the other one, or it itself, sees in the same one elsewhere. */
function meeting(
  name: string,
  mounts: Mounts,
  at: string,
  others: Mounts | undefined,
  seen: string,
  differs: readonly Difference[] = [APART],
): Case {
  const act = async (place: Place) => {
    const a = await sleeper(place, mounts);
    const b = others === undefined ? a : await sleeper(place, others);
    try {
      return await whatIsSeen(a, at, b, seen);
    } finally {
      for (const container of new Set([a, b])) await end(container);
    }
  };
  return { name, act, differs };
}

async function end(container: Container): Promise<void> {
  await container.stop(0);
  await container.waitForExit();
  await container.remove();
}

function sleeper({ pod, image, dir, nextName }: Place, mounts: Mounts): Promise<Container> {
  return pod.run({
    name: nextName(),
    image,
    command: ["sleep", "1000000"],
    mounts: Object.entries(mounts).map(([containerPath, text]) => {
      const [, readonly, kind, part = ""] = /^(ro )?(\w+)(\/\w+)?$/.exec(text)!;
      return {
        containerPath,
        hostPath: `${dir}/${VOLUMES[kind as keyof typeof VOLUMES]}${part}`,
        readonly: readonly !== undefined,
      };
    }),
  });
}

async function whatIsSeen(a: Container, at: string, b: Container, seen: string): Promise<string> {
  await begin(a, `file_probe listen ${at}/s.sock`);
  await begin(a, `file_probe lock ${at}/lock`);
  await a.shell(`echo text >${at}/file`);
  const socket = (await b.shell(`file_probe connect ${seen}/s.sock`)).stdout;
  const lock = (await b.shell(`file_probe try-lock ${seen}/lock`)).stdout;
  const file = (await b.shell(`cat ${seen}/file`)).stdout;
  await begin(b, `file_probe watch ${seen}`, "/tmp/watched");
  await a.shell(`touch ${at}/1 ${at}/2`);
  // What it makes itself it always hears of, and after all that was before; where it may make nothing, that is waited for instead.
  const { stdout } = await b.shell(
    `touch ${seen}/end 2>/dev/null && last=end || last=2; for i in $(seq 100); do grep -qx $last /tmp/watched && break; sleep 0.1; done; grep -x [12] /tmp/watched`,
  );
  await a.shell(`rm -f ${at}/*`);
  const events = stdout.trim().replaceAll("\n", " ");
  return `socket: ${socket}lock: ${lock}file: ${file}events: ${events === "" ? "none" : events}`;
}

/** Starts a program in the background; returns when it has said that it is ready. */
async function begin(container: Container, program: string, output = "/tmp/began"): Promise<void> {
  await container.shell(
    `rm -f ${output}; (sleep 1000000 | ${program}) </dev/null >${output} 2>&1 & until grep -q . ${output} 2>/dev/null; do sleep 0.05; done`,
  );
}
