/** iproute2 is the referee: what it tells of a namespace, and of another one that is to be the same. */

/** What is told of a network, one line for each thing, in an order that means nothing. */
export type IpView = string[];

/** An object of `ip -json`. */
type Entry = Record<string, unknown>;

/** How `ip` is run: in a namespace, or in a guest. @returns what it writes */
export type RunIp = (args: readonly string[]) => Promise<string>;

/** Runs `ip` in a network namespace of this host. @throws Error with what it writes */
export function ipIn(netns: string): RunIp {
  return async (args) => {
    const enter = [`--net=${netns}`, "ip", ...args];
    const { success, stdout, stderr } = await new Deno.Command("nsenter", { args: enter }).output();
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    if (!success) throw new Error(`ip ${args.join(" ")}: ${decode(stderr)}`);
    return decode(stdout);
  };
}

/**
 * What `ip -d -j` shows of links, addresses, routes of all tables, rules and permanent neighbours.
 *
 * Left out by name, for a reason each: what tells a state (carrier, `linkdown`, `tentative`), what a NIC of another driver has
 * otherwise (queues, offloads, the kind), `nodad` (the guest's address is used at once), numbers of next hop objects and of
 * links, and what the kernel makes by itself, some time later, for v6 addresses (their `local` routes), multicast and
 * link-local ones.
 */
export async function ipView(run: RunIp): Promise<IpView> {
  const json = async (...args: string[]): Promise<Entry[]> =>
    JSON.parse(await run(["-d", "-j", ...args]) || "[]").filter((entry: Entry) =>
      Object.keys(entry).length > 0
    );
  const links = (await json("address", "show")).filter(isOfPod);
  const routes = [
    ...await json("-4", "route", "show", "table", "all"),
    ...await json("-6", "route", "show", "table", "all"),
  ].filter((route) => isOfPod(route) && !isOfKernel(route));
  const rules = [...await json("-4", "rule", "show"), ...await json("-6", "rule", "show")];
  const neighbours = (await json("neigh", "show", "nud", "permanent")).filter(({ dst }) =>
    !/^(ff|22[4-9]|23)/.test(String(dst))
  );
  return [
    ...links.map((link) => line("link", linkOf(link))),
    ...links.flatMap((link) =>
      (link.addr_info as Entry[]).filter((one) => !isOwnLinkLocal(one)).map((address) =>
        line(`address of ${link.ifname}`, addressOf(address))
      )
    ),
    ...routes.map((route) => line("route", routeOf(route))),
    ...rules.map((rule) => line("rule", rule)),
    ...neighbours.map(({ dst, dev, lladdr }) => line("neighbour", { dst, dev, lladdr })),
  ].sort();
}

const line = (what: string, entry: Entry) =>
  `${what} ${JSON.stringify(Object.fromEntries(Object.entries(entry).sort(([a], [b]) => a < b ? -1 : 1)))}`;

/** Our taps, and fallback devices of tunnels that every namespace has. */
const isOfPod = ({ ifname, dev = ifname }: Entry) =>
  !/^(tap_kua_.*|sit0|tunl0|gre0|gretap0|erspan0|ip6tnl0|ip6gre0|ip_vti0|ip6_vti0)$/.test(String(dev));

function isOfKernel({ type, protocol, dst, metric }: Entry): boolean {
  if (protocol === "ra" || protocol === "redirect") return true;
  if (protocol !== "kernel") return false;
  return type === "multicast" || type === "anycast" || dst === "fe80::/64" ||
    (type === "local" && metric === 0);
}

const isOwnLinkLocal = ({ family, local }: Entry) =>
  family === "inet6" && /^fe80:.*ff:fe/.test(String(local));

function linkOf({ ifname, flags, mtu, address, group, txqlen, ifalias, master, linkinfo }: Entry): Entry {
  const { info_kind: kind, info_data: data } = (linkinfo ?? {}) as Entry;
  const kept = ["UP", "NOARP", "PROMISC", "ALLMULTI", "LOOPBACK"];
  return {
    ifname,
    flags: (flags as string[]).filter((flag) => kept.includes(flag)).sort(),
    ...{ mtu, address, group, txqlen, ifalias, master },
    ...(["dummy", "vrf"].includes(String(kind)) ? { kind, data } : {}),
  };
}

function addressOf(address: Entry): Entry {
  const { nodad: _, tentative: __, dadfailed: ___, ...kept } = address;
  // They run down.
  for (const key of ["valid_life_time", "preferred_life_time"]) {
    if (typeof kept[key] === "number" && kept[key] < 0xffffffff) kept[key] = kept[key] > 0 ? "some" : "none";
  }
  return kept;
}

const kept = (flags: unknown) =>
  (flags as string[] ?? []).filter((flag) => flag === "onlink" || flag === "pervasive");

function routeOf({ nhid: _, nh_info: __, flags, nexthops, ...route }: Entry): Entry {
  return {
    ...route,
    flags: kept(flags),
    ...(nexthops === undefined
      ? {}
      : { nexthops: (nexthops as Entry[]).map((hop) => ({ ...hop, flags: kept(hop.flags) })) }),
  };
}
