import { cleanUp, type CleanupStep } from "../../lib/cleanup/mod.ts";
import type { Logger } from "../../lib/log/mod.ts";
import { NetlinkSocket } from "../../lib/netlink/deno_socket.ts";
import type { Netlink } from "../../lib/netlink/mod.ts";
import { netnsIdentity } from "./netns.ts";
import { removeRedirect } from "./redirect.ts";
import type { Attachment, NetworkState, NicState } from "./state.ts";
import { removeTap } from "./tap.ts";

/**
 * Removes what `attach` has made and forgets the sandbox. Idempotent: an unknown sandbox is fine, and so is a
 * namespace that is gone, since the kernel has then removed all that was in it.
 *
 * @throws {KuasarError} ABORTED with what is left over; the sandbox stays known and the call may be repeated
 */
export async function detach(state: NetworkState, sandboxId: string, log: Logger): Promise<void> {
  const attachment = state.attachments.get(sandboxId);
  if (attachment === undefined) return;
  if (isNetnsThere(attachment)) {
    using netlink = new NetlinkSocket({ netns: attachment.netnsPath });
    await cleanUp(
      `the network of sandbox ${sandboxId}`,
      attachment.nics.flatMap((nic) => stepsOf(netlink, nic)),
    );
  }
  state.attachments.delete(sandboxId);
  log.info("Detached", { sandbox: sandboxId });
}

/** Whether the namespace of an attachment is still the one at its path. */
export function isNetnsThere({ netnsPath, netnsIdentity: identity }: Attachment): boolean {
  return netnsPath !== "" && netnsIdentity(netnsPath) === identity;
}

function stepsOf(netlink: Netlink, { tap, link, linkIndex, ownsQdisc }: NicState): CleanupStep[] {
  return [
    { name: `remove the redirect of ${link}`, run: () => removeRedirect(netlink, linkIndex, ownsQdisc) },
    { name: `remove the tap ${tap}`, run: () => removeTap(netlink, tap) },
  ];
}
