import { isFile } from "../../lib/files/mod.ts";
import { type Table, tableAt } from "../../deploy/host/containerd.ts";
import type { Finding } from "./host_facts.ts";

/** Whether pods get a network: the configuration that containerd takes, and the plugins that it names. */
export async function cniFinding(containerd: string, merged: Table): Promise<Finding> {
  const what = `CNI of ${containerd}`;
  const cni = tableAt(merged, "plugins", "io.containerd.cri.v1.runtime", "cni");
  const confDir = String(cni.conf_dir ?? "/etc/cni/net.d");
  const dirs = Array.isArray(cni.bin_dirs) && cni.bin_dirs.length > 0 ? cni.bin_dirs : [cni.bin_dir];
  const binDirs = dirs.map((dir) => String(dir ?? "/opt/cni/bin"));
  const file = await firstConfig(confDir);
  if (file === undefined) {
    return {
      what,
      verdict: "missing",
      detail: `${confDir} has no configuration: only pods on the host's network start`,
      remedy: "it comes with the cluster's network; alone, see CNI's documents",
    };
  }
  const lost = pluginsOf(await Deno.readTextFile(file)).filter((type) =>
    !binDirs.some((dir) => isFile(`${dir}/${type}`))
  );
  return lost.length === 0 ? { what, verdict: "ok", detail: file } : {
    what,
    verdict: "missing",
    detail: `${file} names ${lost.join(", ")}, not in ${binDirs.join(", ")}`,
    remedy: `install containernetworking-plugins, and name their folder in containerd's cni.bin_dirs`,
  };
}

/** containerd takes the first by name. */
async function firstConfig(dir: string): Promise<string | undefined> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(dir)) {
      if (/\.(conf|conflist|json)$/.test(name)) names.push(name);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const [first] = names.sort();
  return first === undefined ? undefined : `${dir}/${first}`;
}

/** The programs that a configuration names, those for addresses too; none where it is no JSON, which containerd tells. */
export function pluginsOf(text: string): string[] {
  try {
    const parsed = JSON.parse(text);
    const plugins: { type?: string; ipam?: { type?: string } }[] = parsed.plugins ?? [parsed];
    const types = plugins.flatMap(({ type, ipam }) => [type, ipam?.type]);
    return [...new Set(types.filter((type) => type !== undefined))];
  } catch {
    return [];
  }
}
