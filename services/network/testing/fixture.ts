import { closeFd, OPEN, openFd, pinNewNetns, unpinNetns, withFd } from "../../../lib/libc/mod.ts";
import { captureLog, logger } from "../../../lib/log/mod.ts";
import { NetlinkSocket } from "../../../lib/netlink/deno_socket.ts";
import {
  addAddress,
  addNeighbour,
  addRoute,
  addVeth,
  type Link,
  listLinks,
  setLink,
} from "../../../lib/netlink/mod.ts";
import type { AttachRequest } from "../../../lib/proto/gen/kuasar/network/v1/network.ts";
import { type NetworkState, openState } from "../state.ts";

/** The MAC of the pod's eth0 and of its peer. */
export const POD_MAC = "02:00:00:00:00:02";
export const PEER_MAC = "02:00:00:00:00:01";

/** A pod as a CNI plugin leaves it: eth0 with addresses, routes and a neighbour; its peer in another namespace. */
export interface Fixture {
  directory: string;
  pod: string;
  peer: string;
  inPod: NetlinkSocket;
  inPeer: NetlinkSocket;
  state: NetworkState;
  log: ReturnType<typeof logger>;
}

/** Tests with namespaces need root. */
export const NEEDS_ROOT = { ignore: Deno.uid() !== 0 };

/** Runs a test with a pod; everything is gone afterwards. */
export function withPod(test: (fixture: Fixture) => Promise<void>): () => Promise<void> {
  return async () => {
    const silence = captureLog(() => {});
    const directory = Deno.makeTempDirSync();
    const [pod, peer] = [`${directory}/pod`, `${directory}/peer`];
    try {
      pinNewNetns(pod);
      pinNewNetns(peer);
      using inPod = new NetlinkSocket({ netns: pod });
      using inPeer = new NetlinkSocket({ netns: peer });
      setUp(inPod, inPeer, peer);
      const state = openState(`${directory}/state.db`);
      try {
        await test({ directory, pod, peer, inPod, inPeer, state, log: logger("test") });
      } finally {
        state.store.close();
      }
    } finally {
      unpinNetns(pod);
      unpinNetns(peer);
      Deno.removeSync(directory, { recursive: true });
      silence();
    }
  };
}

function setUp(inPod: NetlinkSocket, inPeer: NetlinkSocket, peer: string): void {
  withFd(openFd(peer, OPEN.RDONLY), (netnsFd) => {
    addVeth(inPod, {
      name: "eth0",
      mac: POD_MAC,
      mtu: 1400,
      peer: { name: "peer0", mac: PEER_MAC, netnsFd },
    });
  });
  setLink(inPeer, linkNamed(inPeer, "peer0").index, { up: true });
  const { index } = linkNamed(inPod, "eth0");
  setLink(inPod, index, { up: true });
  setLink(inPod, 1, { up: true });
  addAddress(inPod, index, "10.9.0.2", 24);
  addAddress(inPod, index, "fd09::2", 64);
  addRoute(inPod, { gateway: "10.9.0.1" });
  addRoute(inPod, { gateway: "fd09::1" });
  addNeighbour(inPod, { linkIndex: index, address: "10.9.0.1", mac: PEER_MAC });
}

/** The link of this name. */
export function linkNamed(netlink: NetlinkSocket, name: string): Link {
  const link = listLinks(netlink).find((one) => one.name === name);
  if (link === undefined) throw new Error(`there is no link ${name}`);
  return link;
}

/** A request to attach `s1`. */
export function attachRequest(netnsPath: string, more: Partial<AttachRequest> = {}): AttachRequest {
  return {
    sandboxId: "s1",
    netnsPath,
    hostname: "web-1",
    dnsServers: ["10.96.0.10"],
    dnsSearches: ["default.svc.cluster.local", "svc.cluster.local"],
    dnsOptions: ["ndots:5"],
    queues: 1,
    filesOnly: false,
    ...more,
  };
}

/** Closes descriptors whatever the test does. */
export async function withFds(fds: number[], test: () => Promise<void> | void): Promise<void> {
  try {
    await test();
  } finally {
    fds.forEach(closeFd);
  }
}
