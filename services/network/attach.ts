import { asKuasarError, KuasarError } from "../../lib/errors/mod.ts";
import type { Logger } from "../../lib/log/mod.ts";
import { NetlinkSocket } from "../../lib/netlink/deno_socket.ts";
import { hasIngressQdisc, type Netlink } from "../../lib/netlink/mod.ts";
import type { AttachRequest, AttachResponse, Nic } from "../../lib/proto/gen/kuasar/network/v1/network.ts";
import { detach } from "./detach.ts";
import { checkForGuest } from "./for_guest.ts";
import { guestView } from "./guest_view.ts";
import { requireNetns } from "./netns.ts";
import { podFiles } from "./pod_files.ts";
import { nicsOf, type PodLink, readPodLinks, readPodNetwork } from "./pod_network.ts";
import { ensureRedirect } from "./redirect.ts";
import type { Attachment, NetworkState, NicState } from "./state.ts";
import { changedSysctls } from "./sysctls.ts";
import { ensureTap, MAX_TAP_MTU, tapName } from "./tap.ts";

/** For a sandbox that the kernel of the host has a network for. */
const NOTHING = { nics: [], interfaces: [], routes: [], neighbors: [], rules: [], sysctls: {} };

/**
 * Makes a tap for each link of the pod and joins the two. Repeating it changes nothing and gives the same answer.
 *
 * @param request checked
 * @throws {KuasarError} FAILED_PRECONDITION when the namespace is gone or another one than before, or has what no guest can
 * have; after any failure nothing is left behind, or the state remembers it
 */
export async function attach(
  state: NetworkState,
  request: AttachRequest,
  log: Logger,
): Promise<AttachResponse> {
  const { sandboxId, netnsPath } = request;
  const queues = Math.max(1, request.queues);
  const before = state.attachments.get(sandboxId);
  if (netnsPath === "") return attachToHost(state, request, before);

  const identity = requireNetns(netnsPath);
  checkSameAsBefore(sandboxId, before, identity, queues);
  using netlink = new NetlinkSocket({ netns: netnsPath });
  if (request.filesOnly) {
    const nics = nicsOf(readPodLinks(netlink));
    state.attachments.put(sandboxId, {
      phase: "attached",
      netnsPath,
      netnsIdentity: identity,
      queues,
      nics: [],
    });
    return { ...NOTHING, files: podFiles(request, nics) };
  }
  const pod = readPodNetwork(netlink);
  checkForGuest(pod);
  const inGuest = pod.links.filter(({ role }) => role !== "unused");
  const sysctls = changedSysctls(netnsPath, inGuest.map(({ name }) => name));
  const attachment: Attachment = {
    phase: "attaching",
    netnsPath,
    netnsIdentity: identity,
    queues,
    nics: pod.nics.map((link) => planNic(netlink, link, before)),
  };
  state.attachments.put(sandboxId, attachment);
  try {
    const nics = pod.nics.map((link) => joinLink(netlink, link, netnsPath, queues));
    state.attachments.put(sandboxId, { ...attachment, phase: "attached" });
    log.info("Attached", {
      sandbox: sandboxId,
      netns: netnsPath,
      links: pod.nics.map(({ name }) => name).join(","),
    });
    return { nics, ...guestView(pod, sysctls), files: podFiles(request, pod.nics) };
  } catch (error) {
    // A guest may be using what an earlier call has made: that stays.
    if (before?.phase === "attached") state.attachments.put(sandboxId, before);
    else await undo(state, sandboxId, log);
    throw asKuasarError(error, `Cannot attach the network of sandbox ${sandboxId}`);
  }
}

async function undo(state: NetworkState, sandboxId: string, log: Logger): Promise<void> {
  try {
    await detach(state, sandboxId, log);
  } catch (error) {
    log.error("Cannot undo a failed attach", { sandbox: sandboxId, error });
  }
}

/** A pod on the host's network: the guest has no NIC, only the files. */
function attachToHost(
  state: NetworkState,
  request: AttachRequest,
  before: Attachment | undefined,
): AttachResponse {
  checkSameAsBefore(request.sandboxId, before, "", 1);
  const attachment: Attachment = { phase: "attached", netnsPath: "", netnsIdentity: "", queues: 1, nics: [] };
  state.attachments.put(request.sandboxId, attachment);
  return { ...NOTHING, files: podFiles(request, undefined) };
}

function checkSameAsBefore(
  id: string,
  before: Attachment | undefined,
  identity: string,
  queues: number,
): void {
  if (before === undefined || (before.netnsIdentity === identity && before.queues === queues)) return;
  throw new KuasarError(
    "FAILED_PRECONDITION",
    `Cannot attach the network of sandbox ${id}: it is attached to ${before.netnsPath || "the host"} with ` +
      `${before.queues} queue(s), detach it first`,
  );
}

function planNic(netlink: Netlink, link: PodLink, before: Attachment | undefined): NicState {
  const earlier = before?.nics.find(({ linkIndex }) => linkIndex === link.index);
  return {
    tap: tapName(link.index),
    link: link.name,
    linkIndex: link.index,
    ownsQdisc: earlier?.ownsQdisc ?? !hasIngressQdisc(netlink, link.index),
  };
}

function joinLink(netlink: Netlink, link: PodLink, netnsPath: string, queues: number): Nic {
  const mtu = Math.min(link.mtu, MAX_TAP_MTU);
  const tap = ensureTap(netlink, { name: tapName(link.index), netnsPath, mtu, queues });
  ensureRedirect(netlink, link.index, tap.index);
  ensureRedirect(netlink, tap.index, link.index);
  return { tap: tap.name, netnsPath, mac: link.mac, mtu, queues, link: link.name };
}
