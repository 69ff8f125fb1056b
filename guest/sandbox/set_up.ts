import { KuasarError } from "../../lib/errors/mod.ts";
import { sysctlPath } from "../../lib/oci/mod.ts";
import type { PodFile, SetupSandboxRequest } from "../../lib/proto/gen/grpc/sandbox.ts";
import { SHARE_PATH } from "../init/share.ts";
import * as sys from "../native/sys.js";
import { log } from "../runtime/log.ts";
import { readKuasarConfig } from "./kuasar_config.ts";
import { makeNamespaces } from "./namespaces.ts";
import {
  networkTools,
  setUpInterfaces,
  setUpNeighbors,
  setUpRoutes,
  setUpWholeNetwork,
} from "./network/mod.ts";
import { writePodFiles } from "./pod_files.ts";
import { setSysctl } from "./set_sysctl.ts";

/** `HOST_NAME_MAX` of Linux. */
const MAX_HOSTNAME = 64;

/** Kuasar's sandboxer leaves the pod's files in the share instead of sending them. */
function filesOfShare(sent: readonly PodFile[]): PodFile[] {
  const missing = ["hostname", "hosts", "resolv.conf"].filter((name) =>
    !sent.some((file) => file.name === name)
  );
  return missing.filter((name) => sys.exists(`${SHARE_PATH}/${name}`)).map((name) => ({
    name,
    content: sys.readFile(`${SHARE_PATH}/${name}`),
  }));
}

function hostnameOf(request: SetupSandboxRequest, files: readonly PodFile[]): string {
  const file = files.find(({ name }) => name === "hostname");
  const name = request.hostname || (file ? sys.utf8Decode(file.content).trim() : "");
  if (name.length > MAX_HOSTNAME || /[^\w.-]/.test(name)) {
    throw new KuasarError("INVALID_ARGUMENT", `Cannot use the host name ${JSON.stringify(name)}`);
  }
  return name;
}

function setClock(hostTimeNs: bigint): void {
  if (hostTimeNs > 0n) sys.clockSettime(sys.CLOCK.REALTIME, hostTimeNs);
}

/** Entropy is a gift: a host that sends none, or a kernel that takes none, is no failure. */
function stirEntropy(bytes: Uint8Array): void {
  if (bytes.length === 0) return;
  try {
    sys.addEntropy(bytes);
  } catch (error) {
    log.warn("entropy is not taken", { error });
  }
}

const isOfNetwork = (path: string) => path.startsWith("net/");

/** What a host tells that does not tell everything. */
async function addNetwork({ interfaces, neighbors, routes }: SetupSandboxRequest): Promise<void> {
  await setUpInterfaces(interfaces);
  setUpNeighbors(neighbors);
  setUpRoutes(routes);
}

/** Makes the guest the pod's: time, files, names, namespaces, network. All input is checked before anything changes. */
export async function setUpSandbox(request: SetupSandboxRequest): Promise<void> {
  const config = readKuasarConfig(request.config);
  const sysctls = Object.entries({ ...config.sysctls, ...request.sysctls }).map(([name, value]) =>
    [sysctlPath(name), value] as const
  );
  const files = [...request.files, ...filesOfShare(request.files)];
  const hostname = hostnameOf(request, files);
  writePodFiles(files);
  setClock(request.hostTimeNs);
  stirEntropy(request.entropy);
  if (hostname) sys.sethostname(hostname);
  await makeNamespaces({ sharePid: request.sharePid || config.sharePid }, () => {
    if (hostname) sys.sethostname(hostname);
    for (const [path, value] of sysctls) if (!isOfNetwork(path)) setSysctl(path, value);
  });
  if (request.wholeNetwork) await setUpWholeNetwork(request, networkTools);
  else await addNetwork(request);
  // Not before: a setting of a link is there with it, and the pod's own word counts more than a CNI plugin's.
  for (const [path, value] of sysctls) if (isOfNetwork(path)) setSysctl(path, value);
  log.info("pod", { id: request.sandboxId, hostname, links: request.interfaces.length });
}
