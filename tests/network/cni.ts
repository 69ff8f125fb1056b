import { hostTools } from "../../deploy/host/mod.ts";

/** One plugin of a chain, as in a configuration of CNI. */
export type Plugin = { type: string } & Record<string, unknown>;

/** Where plugins run, and what for. */
export interface CniRun {
  /** The namespace of the plugins themselves: the host's. */
  host: string;
  pod: string;
  /** For what they keep. */
  directory: string;
  ifname?: string;
}

/**
 * Runs Debian's plugins one after the other as containerd does (CNI 1.0.0, ADD).
 *
 * @returns the last one's result
 * @throws Error with what a plugin says
 */
export async function addCni(plugins: readonly Plugin[], run: CniRun): Promise<Record<string, unknown>> {
  const { cniBinDir } = hostTools();
  let prevResult: Record<string, unknown> | undefined;
  for (const plugin of plugins) {
    const config = {
      ...{ cniVersion: "1.0.0", name: "tests", dataDir: `${run.directory}/data` },
      ...plugin,
      ...(prevResult && { prevResult }),
    };
    const child = new Deno.Command("nsenter", {
      args: [`--net=${run.host}`, `${cniBinDir}/${plugin.type}`],
      env: {
        CNI_COMMAND: "ADD",
        CNI_CONTAINERID: "pod1",
        CNI_NETNS: run.pod,
        CNI_IFNAME: run.ifname ?? "eth0",
        CNI_PATH: cniBinDir,
        CNI_ARGS: "",
      },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(JSON.stringify(config)));
    await writer.close();
    const { success, stdout, stderr } = await child.output();
    const text = new TextDecoder().decode(stdout);
    if (!success) throw new Error(`${plugin.type}: ${text}${new TextDecoder().decode(stderr)}`);
    prevResult = JSON.parse(text);
  }
  return prevResult ?? {};
}

/** Addresses that are given as they are, with the routes of a network. */
export function staticIpam(addresses: readonly [cidr: string, gateway: string][]): Record<string, unknown> {
  return {
    type: "static",
    addresses: addresses.map(([address, gateway]) => ({ address, gateway })),
    routes: addresses.map(([address, gw]) => ({ dst: address.includes(":") ? "::/0" : "0.0.0.0/0", gw })),
  };
}
