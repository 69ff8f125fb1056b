import { isErrno } from "../../lib/libc/mod.ts";
import {
  addIngressQdisc,
  addRedirect,
  deleteFilters,
  deleteIngressQdisc,
  hasIngressQdisc,
  listIngressFilters,
  type Netlink,
} from "../../lib/netlink/mod.ts";

/** What `tc` picks by itself: after the filters that a CNI plugin may have set on purpose. */
const PRIORITY = 49152;

/**
 * Sends all that comes in on one link out of the other one. Idempotent.
 *
 * A redirected packet never reaches the host's stack in the namespace: its addresses stay on the link, where
 * containerd and CNI plugins look for them, but only the guest answers for them.
 *
 * @throws {Errno}
 */
export function ensureRedirect(netlink: Netlink, fromIndex: number, toIndex: number): void {
  if (!hasIngressQdisc(netlink, fromIndex)) addIngressQdisc(netlink, fromIndex);
  const ours = listIngressFilters(netlink, fromIndex).filter(({ priority }) => priority === PRIORITY);
  if (ours.some(({ redirectTo }) => redirectTo === toIndex)) return;
  if (ours.length > 0) deleteFilters(netlink, fromIndex, PRIORITY); // to a tap that is gone
  addRedirect(netlink, fromIndex, toIndex, PRIORITY);
}

/**
 * Removes the redirect from a link. Idempotent; fine with a link that is gone.
 *
 * @param ownsQdisc whether the ingress qdisc was made by us and goes too
 * @throws {Errno}
 */
export function removeRedirect(netlink: Netlink, fromIndex: number, ownsQdisc: boolean): void {
  try {
    if (!hasIngressQdisc(netlink, fromIndex)) return;
    if (listIngressFilters(netlink, fromIndex).some(({ priority }) => priority === PRIORITY)) {
      deleteFilters(netlink, fromIndex, PRIORITY);
    }
    if (ownsQdisc) deleteIngressQdisc(netlink, fromIndex);
  } catch (error) {
    if (!isErrno(error, "ENODEV")) throw error;
  }
}
