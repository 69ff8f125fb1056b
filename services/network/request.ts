import { KuasarError } from "../../lib/errors/mod.ts";
import { isIp } from "../../lib/netlink/mod.ts";
import type { AttachRequest } from "../../lib/proto/gen/kuasar/network/v1/network.ts";

const SANDBOX_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;
/** RFC 1123; the kernel takes 64 bytes. */
const HOSTNAME = /^[A-Za-z0-9]([A-Za-z0-9.-]{0,62}[A-Za-z0-9])?$/;
/** A DNS name; Kubernetes allows underscores and a lone dot. */
const SEARCH = /^(\.|[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9_.])?)$/;
const OPTION = /^[A-Za-z0-9_.:-]{1,128}$/;
const MAX_ENTRIES = 64;
/** The kernel's limit of a tap (MAX_TAP_QUEUES). */
const MAX_QUEUES = 256;

/**
 * Checks a request. What passes can be written into files and used as a name.
 *
 * @throws {KuasarError} INVALID_ARGUMENT
 */
export function checkAttachRequest(request: AttachRequest): void {
  checkSandboxId(request.sandboxId);
  const { netnsPath, hostname, queues } = request;
  if (netnsPath !== "" && !netnsPath.startsWith("/")) {
    refuse("netns_path", netnsPath, "must be an absolute path");
  }
  if (hostname !== "" && !HOSTNAME.test(hostname)) {
    refuse("hostname", hostname, "must be a host name of RFC 1123");
  }
  if (queues > MAX_QUEUES) refuse("queues", queues, `must be at most ${MAX_QUEUES}`);
  checkEach("dns_servers", request.dnsServers, isIp, "must be an IP address");
  checkEach("dns_searches", request.dnsSearches, (search) => SEARCH.test(search), "must be a domain");
  checkEach("dns_options", request.dnsOptions, (option) => OPTION.test(option), "must be a resolver option");
}

/** @throws {KuasarError} INVALID_ARGUMENT */
export function checkSandboxId(id: string): void {
  if (!SANDBOX_ID.test(id)) refuse("sandbox_id", id, `must match ${SANDBOX_ID.source}`);
}

function checkEach(
  field: string,
  values: readonly string[],
  isGood: (value: string) => boolean,
  rule: string,
): void {
  if (values.length > MAX_ENTRIES) refuse(field, values.length, `may have at most ${MAX_ENTRIES} entries`);
  for (const value of values) {
    if (!isGood(value)) refuse(field, value, rule);
  }
}

function refuse(field: string, value: unknown, rule: string): never {
  const shown = JSON.stringify(value).slice(0, 200);
  throw new KuasarError(
    "INVALID_ARGUMENT",
    `Cannot attach the network: ${field} ${rule}, current value is ${shown}`,
  );
}
