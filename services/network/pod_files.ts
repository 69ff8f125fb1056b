import type { PodFile } from "../../lib/proto/gen/grpc/sandbox.ts";
import type { AttachRequest } from "../../lib/proto/gen/kuasar/network/v1/network.ts";
import type { PodLink } from "./pod_network.ts";

/** Where the host keeps its own files; replaced in tests. */
export interface HostFiles {
  hosts: string;
  /** In the order of preference. */
  resolvConf: readonly string[];
  hostname: string;
}

/** The files of a host. systemd-resolved's own list comes first: its stub on 127.0.0.53 is not there in a guest. */
const HOST_FILES: HostFiles = {
  hosts: "/etc/hosts",
  resolvConf: ["/run/systemd/resolve/resolv.conf", "/etc/resolv.conf"],
  hostname: "/proc/sys/kernel/hostname",
};

/** A file of the host that is larger is not copied. */
const MAX_BYTES = 64 * 1024;

const encoder = new TextEncoder();

/**
 * `resolv.conf`, `hosts` and `hostname` of a pod.
 *
 * @param request checked: what it holds cannot break out of a line
 * @param links the pod's links; undefined for a pod on the host's network, which gets the host's own names
 */
export function podFiles(
  request: AttachRequest,
  links: readonly PodLink[] | undefined,
  host: HostFiles = HOST_FILES,
): PodFile[] {
  const hostname = request.hostname || readFile(host.hostname).trim() || "localhost";
  return [
    { name: "hostname", content: encoder.encode(hostname + "\n") },
    {
      name: "hosts",
      content: encoder.encode(links === undefined ? hostsOfHost(host) : hostsOfPod(hostname, links)),
    },
    { name: "resolv.conf", content: encoder.encode(resolvConf(request, host)) },
  ];
}

/** From the pod's DNS settings, else the host's. */
function resolvConf({ dnsServers, dnsSearches, dnsOptions }: AttachRequest, host: HostFiles): string {
  if (dnsServers.length + dnsSearches.length + dnsOptions.length === 0) {
    return host.resolvConf.map(readFile).find((content) => content !== "") ?? "";
  }
  const lines = dnsServers.map((server) => `nameserver ${server}`);
  if (dnsSearches.length > 0) lines.unshift(`search ${dnsSearches.join(" ")}`);
  if (dnsOptions.length > 0) lines.push(`options ${dnsOptions.join(" ")}`);
  return lines.join("\n") + "\n";
}

const LOCAL_NAMES = [
  "127.0.0.1\tlocalhost",
  "::1\tlocalhost ip6-localhost ip6-loopback",
  "fe00::0\tip6-localnet",
  "ff00::0\tip6-mcastprefix",
  "ff02::1\tip6-allnodes",
  "ff02::2\tip6-allrouters",
];

/** The local names, and the pod's own name for the addresses of its first link that has any. */
function hostsOfPod(hostname: string, links: readonly PodLink[]): string {
  const own = links.find(({ addresses }) => addresses.length > 0)?.addresses ?? [];
  const firstOfFamily = [2, 10].flatMap((family) => own.find((address) => address.family === family) ?? []);
  return [...LOCAL_NAMES, ...firstOfFamily.map(({ address }) => `${address}\t${hostname}`)].join("\n") + "\n";
}

function hostsOfHost(host: HostFiles): string {
  return readFile(host.hosts) || LOCAL_NAMES.join("\n") + "\n";
}

/** A file's content; empty when it is missing or too large. */
function readFile(path: string): string {
  try {
    const content = Deno.readTextFileSync(path);
    return content.length > MAX_BYTES ? "" : content;
  } catch {
    return "";
  }
}
