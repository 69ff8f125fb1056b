import { CORE_POWERS } from "./hardening.ts";
import { serviceUnit } from "./service_unit.ts";
import { socketUnit } from "./socket_unit.ts";

const PREPARE = "kuasar-sandboxer-prepare.socket";

/** The units of what every node has, by their file names. */
export function coreUnits(): Map<string, string> {
  return new Map([
    ["kuasar-network.socket", socketUnit({ name: "network", description: "Socket of kuasar-network" })],
    [
      "kuasar-network.service",
      serviceUnit({
        name: "kuasar-network",
        powers: CORE_POWERS.network,
        description: "Kuasar network: from the network namespaces of pods to the NICs of guests",
        sockets: ["kuasar-network.socket"],
      }),
    ],
    ["kuasar-storage.socket", socketUnit({ name: "storage", description: "Socket of kuasar-storage" })],
    [
      "kuasar-storage.service",
      serviceUnit({
        name: "kuasar-storage",
        powers: CORE_POWERS.storage,
        description: "Kuasar storage: root file systems and volumes of pods",
        args: "--config /var/lib/kuasar/storage.toml",
        sockets: ["kuasar-storage.socket"],
      }),
    ],
    [
      "kuasar-sandboxer.socket",
      socketUnit({ name: "sandboxer", description: "Socket sandboxer of kuasar-sandboxer" }),
    ],
    [
      PREPARE,
      socketUnit({
        name: "prepare",
        description: "Socket prepare of kuasar-sandboxer",
        service: "kuasar-sandboxer.service",
      }),
    ],
    [
      "kuasar-sandboxer.service",
      serviceUnit({
        name: "kuasar-sandboxer",
        powers: CORE_POWERS.sandboxer,
        description: "Kuasar sandboxer: life and state of the pods of this node",
        args: "--config /var/lib/kuasar/sandboxer.toml",
        sockets: ["kuasar-sandboxer.socket", PREPARE],
        wants: ["kuasar-network.socket", "kuasar-storage.socket", "kuasar-task.service"],
        alias: "kuasar-vmm.service",
      }),
    ],
    [
      "kuasar-task.service",
      serviceUnit({
        name: "kuasar-task",
        description: "Kuasar task server: the containers of this node, for containerd",
        // It starts the containers of kuasar-runc and kuasar-wasm, which would inherit whatever it is kept from.
        // containerd gives up containers whose task server does not answer within 5 s of its own start.
        args: "--containerd-ttrpc /run/containerd/containerd.sock.ttrpc",
        type: "simple",
        wants: [PREPARE],
        restartSec: "20ms",
        unit:
          `# containerd takes the containers of a task server that is stopped for ended, while they run on.
RefuseManualStop=yes`,
      }),
    ],
  ]);
}
