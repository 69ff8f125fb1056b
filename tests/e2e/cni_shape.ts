import { nodePrograms } from "../../deploy/programs.ts";
import { podSubnet } from "../../deploy/containerd/mod.ts";
import { message } from "../../lib/cri/mod.ts";
import { StatusRequest } from "../../lib/proto/gen/runtime/v1/cri.ts";
import type { Node } from "../harness/mod.ts";

/**
 * A plugin that does with a pod's namespace what a test has left under the pod's name: lines of `ip`, and then Debian's sbr,
 * or else tuning, which gives out what it was given.
 */
const SHAPE = `#!/bin/sh
config=$(cat)
dir=DIR
pod=$(printf '%s' "$CNI_ARGS" | tr ';' '\\n' | sed -n 's/^K8S_POD_NAME=//p')
next=tuning
if [ "$CNI_COMMAND" = ADD ]; then
  printf '%s' "$CNI_NETNS" > "$dir/$pod.netns"
  touch "$dir/$pod.ip"
  while read -r line; do nsenter --net="$CNI_NETNS" ip $line < /dev/null >&2 || exit 1; done < "$dir/$pod.ip"
fi
if [ -f "$dir/$pod.sbr" ]; then next=sbr; fi
printf '%s' "$config" | exec "$dir/bin/$next"
`;

/** What plugins leave for a pod. */
export interface Shape {
  /** Lines of `ip` in the pod's namespace. */
  ip?: string;
  /** Routes by source. */
  sbr?: boolean;
}

/** A network of pods whose namespaces tests make as they like. */
export class ShapedNetwork {
  readonly #dir = Deno.makeTempDirSync({ prefix: "kuasar-cni-" });

  /** The programs of a node, with one plugin more. */
  programs(): ReturnType<typeof nodePrograms> {
    const programs = nodePrograms();
    const bin = `${this.#dir}/bin`;
    Deno.mkdirSync(bin);
    for (const { name } of Deno.readDirSync(programs.cniBinDir)) {
      Deno.symlinkSync(`${programs.cniBinDir}/${name}`, `${bin}/${name}`);
    }
    Deno.writeTextFileSync(`${bin}/shape`, SHAPE.replaceAll("DIR", this.#dir), { mode: 0o755 });
    return { ...programs, cniBinDir: bin };
  }

  /** Gives a node this network: both families, settings of a namespace and of a link. Waits until containerd has taken it. */
  async use(node: Node): Promise<void> {
    const ranges = [[{ subnet: podSubnet(node.runDir) }], [{ subnet: this.prefixOf(node) }]];
    const routes = [{ dst: "0.0.0.0/0" }, { dst: "::/0" }];
    const ipam = { type: "host-local", dataDir: `${this.#dir}/ipam`, ranges, routes };
    const sysctl = {
      "net.core.somaxconn": "2048",
      "net.ipv4.conf.IFNAME.arp_filter": "1",
      "net.ipv4.conf.IFNAME.rp_filter": "2",
    };
    const plugins = [{ type: "ptp", ipam }, { type: "tuning", sysctl }, { type: "shape" }];
    const conflist = { cniVersion: "1.0.0", name: "shaped", plugins };
    const path = `${node.runDir}/containerd/cni/10-kuasar.conflist`;
    await Deno.writeTextFile(`${path}.new`, JSON.stringify(conflist));
    await Deno.rename(`${path}.new`, path);
    const taken = async () => {
      const { info } = await node.cri.runtime.status(message(StatusRequest, { verbose: true }));
      return JSON.stringify(info).includes("shaped");
    };
    const end = Date.now() + 300_000;
    while (!await taken()) {
      if (Date.now() > end) throw new Error("Cannot see that containerd has taken the network");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** The v6 subnet of a node's pods. */
  prefixOf(node: Node): string {
    return `fd37:${podSubnet(node.runDir).split(".")[2]}::/64`;
  }

  /** The addresses by which a pod leaves its link. */
  gatewaysOf(node: Node): { v4: string; v6: string } {
    return {
      v4: podSubnet(node.runDir).replace("0/24", "1"),
      v6: this.prefixOf(node).replace("/64", "1"),
    };
  }

  /** What is to become of the pod of this name. */
  shape(pod: string, { ip, sbr }: Shape): void {
    if (ip !== undefined) {
      Deno.writeTextFileSync(`${this.#dir}/${pod}.ip`, ip.trim().replace(/^ +/gm, "") + "\n");
    }
    if (sbr) Deno.writeTextFileSync(`${this.#dir}/${pod}.sbr`, "");
  }

  /** The namespace that a pod was given. */
  netnsOf(pod: string): string {
    return Deno.readTextFileSync(`${this.#dir}/${pod}.netns`);
  }

  /** This host's `ip` with what it needs, to be mounted into containers. */
  async iproute(): Promise<string> {
    const dir = `${this.#dir}/iproute`;
    await Deno.mkdir(dir);
    const output = async (command: string, ...args: string[]) =>
      new TextDecoder().decode((await new Deno.Command(command, { args }).output()).stdout);
    const ip = (await output("sh", "-c", "command -v ip")).trim();
    const libraries = [...(await output("ldd", ip)).matchAll(/\/\S+/g)].map(([path]) => path);
    for (const path of [ip, ...libraries]) {
      const name = path.slice(path.lastIndexOf("/") + 1);
      await Deno.copyFile(path, `${dir}/${name.startsWith("ld-") ? "ld.so" : name}`);
    }
    return dir;
  }

  remove(): void {
    Deno.removeSync(this.#dir, { recursive: true });
  }
}

/** Where containers find {@link ShapedNetwork.iproute}, and how they run it. */
export const IPROUTE = "/iproute";
export const IP_COMMAND = [`${IPROUTE}/ld.so`, "--library-path", IPROUTE, `${IPROUTE}/ip`];
