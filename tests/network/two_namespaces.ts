import { setUpWholeNetwork } from "../../guest/sandbox/network/whole.ts";
import { matching } from "../../guest/sandbox/network/matching.ts";
import { OPEN, openFd, pinNewNetns, unpinNetns, withFd, withNetns } from "../../lib/libc/mod.ts";
import { captureLog, logger } from "../../lib/log/mod.ts";
import { NetlinkSocket } from "../../lib/netlink/deno_socket.ts";
import { addVeth, listLinks, setLink } from "../../lib/netlink/mod.ts";
import { sysctlPath } from "../../lib/oci/mod.ts";
import type { AttachResponse } from "../../lib/proto/gen/kuasar/network/v1/network.ts";
import { attach } from "../../services/network/attach.ts";
import { detach } from "../../services/network/detach.ts";
import { openState } from "../../services/network/state.ts";
import { ensureRedirect } from "../../services/network/redirect.ts";
import { TAP_PREFIX } from "../../services/network/tap.ts";
import { attachRequest } from "../../services/network/testing/fixture.ts";
import { ipIn, type IpView, ipView } from "./ip_view.ts";

/** Network namespaces of a test. */
export interface Namespaces {
  /** Of a pod, for CNI plugins to set up. */
  pod: string;
  /** Where the pod's links lead to. */
  host: string;
  /** What a guest makes of the pod's, by the guest's own code. */
  guest: string;
  directory: string;
}

/** Runs a test with empty network namespaces, which are gone afterwards. */
export function withNamespaces(test: (namespaces: Namespaces) => Promise<void>): () => Promise<void> {
  return async () => {
    const silence = captureLog(() => {});
    const directory = Deno.makeTempDirSync();
    const paths = { pod: `${directory}/pod`, host: `${directory}/host`, guest: `${directory}/guest` };
    try {
      for (const path of Object.values(paths)) {
        pinNewNetns(path);
        using netlink = new NetlinkSocket({ netns: path });
        setLink(netlink, 1, { up: true });
      }
      await test({ ...paths, directory });
    } finally {
      for (const path of Object.values(paths)) unpinNetns(path);
      Deno.removeSync(directory, { recursive: true });
      silence();
    }
  };
}

/** What was in the pod's namespace, and what the guest has made of it. */
export interface Compared {
  pod: IpView;
  guest: IpView;
  answer: AttachResponse;
}

/** What a test does with a guest while it is joined with the pod's links. */
export type InGuest = (guest: string) => Promise<void>;

/**
 * Attaches the pod and lets the guest's code set up what the service says, in a namespace with a veth for each NIC.
 *
 * @param options.times how often it is set up: again changes nothing
 * @param options.then called while packets pass
 */
export async function compare(
  { pod, guest, directory }: Namespaces,
  { times = 1, then }: { times?: number; then?: InGuest } = {},
): Promise<Compared> {
  const before = await ipView(ipIn(pod));
  const state = openState(`${directory}/state.db`);
  const log = logger("test");
  try {
    const answer = await attach(state, attachRequest(pod), log);
    using netlink = new NetlinkSocket({ netns: guest });
    wire(answer, pod, netlink);
    for (let time = 0; time < times; time++) {
      await setUpWholeNetwork({ ...answer, networkSysctls: answer.sysctls }, {
        withNetlink: (work) => work(netlink),
        findLink: (wanted, ordinal) => Promise.resolve(matching(listLinks(netlink), wanted, ordinal)!),
        setSysctl: (path, value) =>
          withNetns(guest, () => Deno.writeTextFileSync(`/proc/sys/${sysctlPath(path)}`, value)),
      });
    }
    const view = await ipView(ipIn(guest));
    await then?.(guest);
    return { pod: before, guest: view, answer };
  } finally {
    await detach(state, "s1", log);
    state.store.close();
  }
}

/**
 * Joins links of the guest's namespace with the pod's, as the taps of a VM's NICs are joined with them: packets pass as they do
 * with a VM. The names are those that the kernel of a guest gives.
 */
function wire({ nics }: AttachResponse, pod: string, inGuest: NetlinkSocket): void {
  using inPod = new NetlinkSocket({ netns: pod });
  withFd(openFd(pod, OPEN.RDONLY), (netnsFd) => {
    for (const [at, { mac, link }] of nics.entries()) {
      const name = `${TAP_PREFIX}w${at}`;
      addVeth(inGuest, { name: `eth${at}`, mac, peer: { name, netnsFd } });
      const links = listLinks(inPod);
      const indexOf = (wanted: string) => links.find((one) => one.name === wanted)!.index;
      setLink(inPod, indexOf(name), { up: true });
      ensureRedirect(inPod, indexOf(link), indexOf(name));
      ensureRedirect(inPod, indexOf(name), indexOf(link));
    }
  });
}
