import { connectCri, type Cri, message } from "../../lib/cri/mod.ts";
import { ListPodSandboxRequest } from "../../lib/proto/gen/runtime/v1/cri.ts";
import type { Command } from "./command.ts";
import { toJson } from "./json.ts";
import { containerdAddress } from "./run/containerd_address.ts";
import { removePod, RUN_NAMESPACE } from "./run/pod.ts";
import { textTable } from "./text_table.ts";

/** What a `kuasar-ctl run` has left that was killed. */
interface Leftover {
  kind: "pod" | "folder";
  /** Of the pod, or the folder's path. */
  id: string;
  name: string;
  /** The process that has made it. */
  pid: number;
}

/** The process that a pod or folder of `run` is named after. */
function ownerOf(name: string): number | undefined {
  const pid = /^run-(\d+)-[0-9a-f]{8}$/.exec(name)?.[1];
  return pid === undefined ? undefined : Number(pid);
}

/** True while that process is a `run`, and not another one that has its number now. */
function lives(pid: number): boolean {
  try {
    const words = Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0");
    return words.includes("run") && words.some((word) => /\bctl(\.mjs|\/main\.ts)$/.test(word));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function leftoversOf(cri: Cri, folder: string): Promise<Leftover[]> {
  const found: Leftover[] = [];
  const { items } = await cri.runtime.listPodSandbox(message(ListPodSandboxRequest));
  for (const { id, metadata } of items) {
    const pid = metadata?.namespace === RUN_NAMESPACE ? ownerOf(metadata.name) : undefined;
    if (pid !== undefined && !lives(pid)) found.push({ kind: "pod", id, name: metadata!.name, pid });
  }
  for (const name of namesIn(folder)) {
    const pid = ownerOf(name);
    if (pid !== undefined && !lives(pid)) found.push({ kind: "folder", id: `${folder}/${name}`, name, pid });
  }
  return found;
}

function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Removes pods before the folders that containerd logs them into. */
async function remove(cri: Cri, found: readonly Leftover[], folder: string): Promise<void> {
  for (const { kind, id, name } of found) if (kind === "pod") await removePod(cri, id, name);
  for (const { kind, id } of found) if (kind === "folder") await Deno.remove(id, { recursive: true });
  // One that runs now has its own in it.
  await Deno.remove(folder).catch(() => {});
}

/** `kuasar-ctl gc`. */
export const gc: Command = {
  name: "gc",
  usage: "gc [--remove]",
  summary: "what a run has left that was killed (SIGKILL), and its removal",
  flags: {
    "remove": { kind: "boolean", help: "Remove it" },
    "containerd": {
      kind: "string",
      placeholder: "ADDRESS",
      help: "Socket of containerd, where it is not found",
    },
  },
  examples: [
    { command: "kuasar-ctl gc", does: "What is left, and of which process; nothing is changed" },
    { command: "kuasar-ctl gc --remove", does: "The same, and it is removed" },
  ],
  async run({ runDir, json, flags }) {
    const cri = connectCri(await containerdAddress(runDir, flags.containerd as string | undefined));
    const folder = `${runDir}/ctl`;
    try {
      const found = await leftoversOf(cri, folder);
      if (flags.remove) await remove(cri, found, folder);
      if (json) console.log(toJson({ removed: flags.remove === true, found }));
      else if (found.length === 0) console.log("Nothing is left.");
      else {
        const rows = found.map(({ kind, id, pid }) => [kind, id, `process ${pid}, which is gone`]);
        console.log(textTable(["LEFT", "ID", "OF"], rows));
        if (flags.remove) console.log("\nAll of it is removed.");
      }
      return 0;
    } finally {
      cri.close();
    }
  },
};
