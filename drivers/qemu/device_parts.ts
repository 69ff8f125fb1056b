import type { Nic } from "../../lib/proto/gen/kuasar/network/v1/network.ts";
import type { PmemFile } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { closeFd } from "../../lib/libc/mod.ts";
import { openTap } from "../contract/tap.ts";
import { checkNic, checkPmem, checkShare, vfioPath } from "../contract/vm/device_rules.ts";
import type { Device } from "../contract/vm/devices.ts";
import type { QemuMonitor } from "./qmp_commands.ts";

/** Entries of a share's queue. */
const SHARE_QUEUE_SIZE = 1024;

/** A device of QEMU, and what must stand behind it before it is added and goes after it. */
export interface DeviceParts {
  /** Arguments of `device_add` but for its id and place. */
  device: { driver: string } & Record<string, string | number | boolean>;
  /** Makes what stands behind it. */
  make(): Promise<void>;
}

/**
 * What a device is made of.
 *
 * @param name of the device in QEMU
 * @throws {KuasarError} for what cannot be plugged in, before anything was done
 */
export async function partsOf(qmp: QemuMonitor, name: string, device: Device): Promise<DeviceParts> {
  switch (device.$case) {
    case "nic":
      checkNic(device.value);
      return nicParts(qmp, name, device.value);
    case "share": {
      await checkShare(device.value);
      const { tag, socketPath: path } = device.value;
      return {
        device: { driver: "vhost-user-fs-pci", chardev: name, tag, "queue-size": SHARE_QUEUE_SIZE },
        async make() {
          const addr = { type: "unix" as const, data: { path } };
          const backend = { type: "socket" as const, data: { addr, server: false as const } };
          await qmp.execute("chardev-add", { id: name, backend });
        },
      };
    }
    case "pmem":
      await checkPmem(device.value.hostPath);
      return pmemParts(qmp, name, device.value);
    case "vfio": {
      await vfioPath(device.value.pciAddress);
      return { device: { driver: "vfio-pci", host: device.value.pciAddress }, make: async () => {} };
    }
  }
}

/** Takes away what stands behind a device that is gone. What is not there is fine. */
export async function removeBackend(
  qmp: QemuMonitor,
  kind: Device["$case"],
  name: string,
): Promise<void> {
  try {
    switch (kind) {
      case "nic":
        await qmp.execute("netdev_del", { id: name });
        break;
      case "share":
        await qmp.execute("chardev-remove", { id: name });
        break;
      case "pmem":
        await qmp.execute("object-del", { id: name + MEMORY });
        break;
      case "vfio":
        break;
    }
  } catch (error) {
    if (!/not found|DeviceNotFound/i.test((error as Error).message)) throw error;
  }
}

/** QEMU's objects and devices must differ in their names. */
const MEMORY = "-memory";

function nicParts(qmp: QemuMonitor, name: string, nic: Nic): DeviceParts {
  const queues = Math.max(1, nic.queues);
  return {
    device: {
      driver: "virtio-net-pci-non-transitional",
      netdev: name,
      mac: nic.mac.toLowerCase(),
      romfile: "",
      ...(nic.mtu > 0 ? { host_mtu: nic.mtu } : {}),
      // Two vectors for each queue pair, one for configuration, one for control.
      ...(queues > 1 ? { mq: true, vectors: 2 * queues + 2 } : {}),
    },
    async make() {
      const fds = openTap({ ...nic, queues });
      const names: string[] = [];
      try {
        for (const [index, fd] of fds.entries()) {
          const fdname = `${name}.${index}`;
          await qmp.execute("getfd", { fdname }, undefined, [fd]);
          names.push(fdname);
        }
        const taps = queues > 1 ? { fds: names.join(":") } : { fd: names[0]! };
        await qmp.execute("netdev_add", { type: "tap", id: name, ...taps });
      } catch (error) {
        // What a netdev has taken is its own; what none has taken would keep the tap.
        for (const fdname of names) await qmp.execute("closefd", { fdname }).catch(() => {});
        throw error;
      } finally {
        fds.forEach(closeFd);
      }
    },
  };
}

function pmemParts(qmp: QemuMonitor, name: string, { hostPath, discardWrites }: PmemFile): DeviceParts {
  return {
    device: { driver: "virtio-pmem-pci", memdev: name + MEMORY },
    async make() {
      const { size } = await Deno.stat(hostPath);
      await qmp.execute("object-add", {
        "qom-type": "memory-backend-file",
        id: name + MEMORY,
        size,
        "mem-path": hostPath,
        share: !discardWrites,
      });
    },
  };
}
