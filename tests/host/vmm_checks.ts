import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { ofKind } from "./check.ts";
import type { Check } from "./check.ts";
import { HOST_FILES } from "./image.ts";
import { VMM_KINDS, type VmmKind } from "./install.ts";
import { exec, firstContainer, life, stdio, volumes } from "./pod_checks.ts";

/** What the VMMs of those kinds are called, by their projects and in the shipped configuration. */
const PROGRAMS: Readonly<Record<VmmKind, string>> = {
  clh: "cloud-hypervisor",
  firecracker: "firecracker",
  stratovirt: "stratovirt",
};

/**
 * The checks of VMMs that no Debian has a package of, for those of them whose programs are in a folder of this host: KVM works in
 * the machine, so the real ones run there.
 *
 * @param folder undefined for none
 */
export function vmmChecks(folder: string | undefined): Check[] {
  if (folder === undefined) return [];
  const found = VMM_KINDS.filter((kind) => existsSync(`${folder}/${PROGRAMS[kind]}`));
  return found.flatMap((kind) => [
    {
      name: `${kind}: the program`,
      run: async ({ machine }) => {
        const program = PROGRAMS[kind];
        const from = HOST_FILES + resolve(folder, program);
        await machine.must(`install -m 755 ${from} /usr/bin/ && systemctl restart kuasar-driver-*.service`);
        const told = await machine.must(`${program} ${kind === "stratovirt" ? "-version" : "--version"}`);
        return told.trim().split("\n")[0]!;
      },
    },
    ofKind(kind, "first container", firstContainer),
    ofKind(kind, "exec", exec),
    ofKind(kind, "stdio", stdio),
    // Nothing is shared with a guest of Firecracker's: its volumes are copies.
    ...(kind === "firecracker" ? [] : [ofKind(kind, "volumes", volumes)]),
    ofKind(kind, "life of a container", life),
  ]);
}
