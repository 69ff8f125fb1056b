import { strictEqual } from "node:assert/strict";
import { basename, resolve } from "node:path";
import { driverOfHandler } from "../../deploy/drivers.ts";
import { asKuasarError } from "../../lib/errors/mod.ts";
import { isFile } from "../../lib/files/mod.ts";
import type { OutsideProgram } from "../../drivers/contract/deployment.ts";
import type { Container, Pod } from "../harness/mod.ts";
import { type Check, ofKind } from "./check.ts";
import { type DebianHost, EXEC_TIMEOUT_S } from "./debian_host.ts";
import { HOST_FILES } from "./image.ts";
import { type Kind, VMM_KINDS, type VmmKind } from "./install.ts";
import { BUSYBOX, exec, firstContainer, life, ownRoot, podOf, stdio, volumes } from "./pod_checks.ts";

/** Where the shipped configuration has the VMM of a kind. */
function programOf(kind: VmmKind): OutsideProgram {
  return driverOfHandler(`kuasar-${kind}`)!.program!;
}

const nameOf = ({ path }: OutsideProgram) => basename(path);

/** As docs/cloud-hypervisor.md says, only a VM that shares nothing can be written. */
async function snapshotWithoutShare(host: DebianHost, kind: Kind): Promise<string> {
  const folder = "/etc/kuasar/config_clh.toml.d";
  await host.machine.must(
    `printf '[hypervisor]\\nshare_fs = "block"\\n' > ${folder}/95-block.toml && ` +
      "systemctl restart kuasar-driver-cloud-hypervisor",
  );
  const pod = await host.runPod(`kuasar-${kind}`, { name: "snapshot", hostname: "pod-snapshot" });
  try {
    const container = await pod.run({ name: "c", image: BUSYBOX, command: ["sleep", "100000"] });
    return await snapshot(host, { pod, container }, kind);
  } finally {
    await pod.remove();
    await host.machine.must(`rm ${folder}/95-block.toml && systemctl restart kuasar-driver-cloud-hypervisor`);
  }
}

/** A running VM is written into a folder, and goes on. @returns the files */
async function snapshot(
  { machine }: DebianHost,
  { pod, container }: { pod: Pod; container: Container },
  kind: Kind,
): Promise<string> {
  const folder = `/srv/snapshot-${kind}`;
  const written = await machine.must(`mkdir ${folder} && kuasar-ctl snapshot ${pod.id} ${folder}`);
  const goesOn = () => container.shell("echo goes on", EXEC_TIMEOUT_S);
  // Firecracker resets the guest's connections, and the first call may find that out.
  const { stdout } = await goesOn().catch((error) => {
    if (asKuasarError(error).code !== "UNAVAILABLE") throw error;
    return goesOn();
  });
  strictEqual(stdout, "goes on\n");
  await machine.must(`rm -r ${folder}`);
  return written.trim().replace(/^.*: /, "");
}

const snapshots: Readonly<Partial<Record<VmmKind, (host: DebianHost, kind: Kind) => Promise<string>>>> = {
  clh: snapshotWithoutShare,
  firecracker: (host, kind) => snapshot(host, podOf(host, kind), kind),
};

/**
 * The checks of VMMs that no Debian has a package of, for those of them whose programs are in a folder of this host: KVM works in
 * the machine, so the real ones run there.
 *
 * @param folder undefined for none
 */
export function vmmChecks(folder: string | undefined): Check[] {
  if (folder === undefined) return [];
  const found = VMM_KINDS.filter((kind) => isFile(`${folder}/${nameOf(programOf(kind))}`));
  return found.flatMap((kind) => [
    {
      name: `${kind}: the program`,
      run: async ({ machine }) => {
        const program = programOf(kind);
        const from = HOST_FILES + resolve(folder, nameOf(program));
        await machine.must(`install -D -m 755 ${from} ${program.path}`);
        const told = await machine.must([program.path, ...program.versionArgs].join(" "));
        return told.trim().split("\n")[0]!;
      },
    },
    ofKind(kind, "first container", firstContainer),
    ofKind(kind, "a root of its own", ownRoot),
    ofKind(kind, "exec", exec),
    ofKind(kind, "stdio", stdio),
    // Nothing is shared with a guest of Firecracker's: its volumes are copies.
    ...(kind === "firecracker" ? [] : [ofKind(kind, "volumes", volumes)]),
    ofKind(kind, "life of a container", life),
    ...(snapshots[kind] ? [ofKind(kind, "snapshot", snapshots[kind])] : []),
  ]);
}
