import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { isErrno, OPEN, openFd, pinNewNetns, unpinNetns, withFd } from "../libc/mod.ts";
import { NetlinkSocket } from "./deno_socket.ts";
import {
  addAddress,
  addIngressQdisc,
  addNeighbour,
  addRedirect,
  addRoute,
  addVeth,
  deleteAddress,
  deleteFilters,
  deleteIngressQdisc,
  deleteLink,
  deleteRoute,
  hasIngressQdisc,
  listAddresses,
  listIngressFilters,
  listLinks,
  listNeighbours,
  listRoutes,
  MAIN_TABLE,
  NUD,
  setLink,
} from "./mod.ts";

/** Two namespaces joined by a veth pair, all gone afterwards. */
function inTwoNamespaces(test: (here: NetlinkSocket, there: NetlinkSocket) => void): () => void {
  return () => {
    const directory = Deno.makeTempDirSync();
    const [here, there] = [`${directory}/here`, `${directory}/there`];
    try {
      pinNewNetns(here);
      pinNewNetns(there);
      using inHere = new NetlinkSocket({ netns: here });
      using inThere = new NetlinkSocket({ netns: there });
      withFd(openFd(there, OPEN.RDONLY), (netnsFd) => {
        addVeth(inHere, {
          name: "eth0",
          mac: "02:00:00:00:00:01",
          mtu: 1400,
          peer: { name: "peer0", netnsFd },
        });
      });
      test(inHere, inThere);
    } finally {
      unpinNetns(here);
      unpinNetns(there);
      Deno.removeSync(directory, { recursive: true });
    }
  };
}

const link = (netlink: NetlinkSocket, name: string) => listLinks(netlink).find((one) => one.name === name)!;
const root = { ignore: Deno.uid() !== 0 };

Deno.test(
  "links are made, changed and deleted",
  root,
  inTwoNamespaces((here, there) => {
    const eth0 = link(here, "eth0");
    deepStrictEqual({ kind: eth0.kind, mtu: eth0.mtu, mac: eth0.mac }, {
      kind: "veth",
      mtu: 1400,
      mac: "02:00:00:00:00:01",
    });
    ok(link(there, "peer0"));
    setLink(here, eth0.index, { mtu: 1300, up: true, mac: "02:00:00:00:00:02" });
    strictEqual(link(here, "eth0").mtu, 1300);
    strictEqual(link(here, "eth0").mac, "02:00:00:00:00:02");
    strictEqual(link(here, "eth0").flags & 1, 1);
    setLink(here, eth0.index, { up: false });
    setLink(here, eth0.index, { name: "net0" });
    deleteLink(here, link(here, "net0").index);
    deepStrictEqual(listLinks(there).map(({ name }) => name), ["lo"], "the peer goes with it");
  }),
);

Deno.test(
  "addresses, routes and neighbours of both families",
  root,
  inTwoNamespaces((here) => {
    const { index } = link(here, "eth0");
    setLink(here, index, { up: true });
    addAddress(here, index, "10.9.0.2", 24);
    addAddress(here, index, "fd09::2", 64);
    addRoute(here, { gateway: "10.9.0.1" });
    addRoute(here, { destination: "10.20.0.0/16", gateway: "10.30.0.1", linkIndex: index, flags: 4 });
    addRoute(here, { destination: "fd20::/32", gateway: "fd09::1", source: "fd09::2" });
    addNeighbour(here, { linkIndex: index, address: "10.9.0.1", mac: "02:00:00:00:00:09" });
    addNeighbour(here, { linkIndex: index, address: "fd09::1", mac: "02:00:00:00:00:09" });

    const addresses = listAddresses(here).filter((one) => one.linkIndex === index && !one.isLinkLocal);
    deepStrictEqual(addresses.map((one) => `${one.address}/${one.prefixLength}`), [
      "10.9.0.2/24",
      "fd09::2/64",
    ]);
    const routes = listRoutes(here).filter((one) => one.table === MAIN_TABLE && one.protocol !== 2);
    deepStrictEqual(
      routes.map(({ destination, gateway, source, flags }) => ({ destination, gateway, source, flags })),
      [
        { destination: undefined, gateway: "10.9.0.1", source: undefined, flags: routes[0]!.flags },
        { destination: "10.20.0.0/16", gateway: "10.30.0.1", source: undefined, flags: routes[1]!.flags },
        { destination: "fd20::/32", gateway: "fd09::1", source: "fd09::2", flags: routes[2]!.flags },
      ],
    );
    strictEqual(routes[1]!.flags & 4, 4);
    const neighbours = listNeighbours(here).filter(({ state }) => state & NUD.PERMANENT);
    deepStrictEqual(neighbours.map(({ address, mac }) => [address, mac]).sort(), [
      ["10.9.0.1", "02:00:00:00:00:09"],
      ["fd09::1", "02:00:00:00:00:09"],
    ]);
    deleteRoute(here, { destination: "10.9.0.0/24", linkIndex: index });
    throws(
      () => deleteRoute(here, { destination: "10.9.0.0/24", linkIndex: index }),
      (error) => isErrno(error, "ESRCH"),
    );
    deleteAddress(here, index, "fd09::2", 64);
    const before = listRoutes(here).filter(({ table }) => table === MAIN_TABLE).length;
    addAddress(here, index, "10.40.0.2", 24, { prefixRoute: false });
    addAddress(here, index, "fd40::2", 64, { prefixRoute: false });
    strictEqual(listRoutes(here).filter(({ table }) => table === MAIN_TABLE).length, before);
  }),
);

Deno.test(
  "an ingress qdisc with a redirect is made, seen and removed",
  root,
  inTwoNamespaces((here) => {
    const { index } = link(here, "eth0");
    strictEqual(hasIngressQdisc(here, index), false);
    addIngressQdisc(here, index);
    throws(() => addIngressQdisc(here, index), (error) => isErrno(error, "EEXIST"));
    strictEqual(hasIngressQdisc(here, index), true);
    deepStrictEqual(listIngressFilters(here, index), []);
    addRedirect(here, index, 1, 7);
    deepStrictEqual(listIngressFilters(here, index), [{ kind: "u32", priority: 7, redirectTo: 1 }]);
    deleteFilters(here, index, 7);
    deepStrictEqual(listIngressFilters(here, index), []);
    deleteIngressQdisc(here, index);
    strictEqual(hasIngressQdisc(here, index), false);
  }),
);

Deno.test(
  "a refusal carries the kernel's errno",
  root,
  inTwoNamespaces((here) => {
    throws(() => deleteLink(here, 999), (error) => isErrno(error, "ENODEV"));
    throws(
      () => addVeth(here, { name: "eth0", peer: { name: "other" } }),
      (error) => isErrno(error, "EEXIST"),
    );
    throws(() => new NetlinkSocket({ netns: "/nonexistent" }), { code: "NOT_FOUND" });
    throws(() => new NetlinkSocket({ netns: "/dev/null" }), (error) => isErrno(error, "EINVAL"));
  }),
);

Deno.test(
  "a list that does not fit one message is complete",
  root,
  inTwoNamespaces((here) => {
    const { index } = link(here, "eth0");
    for (let host = 1; host < 250; host++) {
      addNeighbour(here, { linkIndex: index, address: `10.9.1.${host}`, mac: "02:00:00:00:00:09" });
    }
    for (let host = 0; host < 600; host++) {
      addAddress(here, index, `10.${host >> 8}.${host & 255}.1`, 32);
    }
    strictEqual(listAddresses(here).length, 600);
    strictEqual(listNeighbours(here).length, 249);
  }),
);
