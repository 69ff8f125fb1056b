/** How the pods of a private containerd are joined to the host. */
export interface CniOptions {
  /** IPv4 subnet of the pods, `10.137.4.0/24`. */
  subnet: string;
  /** Where host-local keeps what it has given out. */
  dataDir: string;
  /** Masquerade what leaves the host; needs iptables. */
  masquerade?: boolean;
  mtu?: number;
}

/**
 * The CNI configuration of a private containerd: one veth pair per pod, routed (ptp), so that nothing but the
 * pods' own links is ever made on the host.
 */
export function cniConflist(options: CniOptions): string {
  const conflist = {
    cniVersion: "1.0.0",
    name: "kuasar",
    plugins: [{
      type: "ptp",
      ipMasq: options.masquerade ?? false,
      mtu: options.mtu ?? 1500,
      ipam: {
        type: "host-local",
        dataDir: options.dataDir,
        ranges: [[{ subnet: options.subnet }]],
        routes: [{ dst: "0.0.0.0/0" }],
      },
    }],
  };
  return JSON.stringify(conflist, null, 2) + "\n";
}

/** A pod subnet for the instance in `runDir`: two instances on one host should not share addresses. */
export function podSubnet(runDir: string): string {
  let hash = 0;
  for (const char of runDir) hash = (hash * 31 + char.codePointAt(0)!) % 251;
  return `10.137.${hash + 1}.0/24`;
}
