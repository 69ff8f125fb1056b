import { basename, resolve } from "node:path";
import { driverOfHandler } from "../../deploy/drivers.ts";
import { isFile } from "../../lib/files/mod.ts";
import type { OutsideProgram } from "../../drivers/contract/deployment.ts";
import { ofKind } from "./check.ts";
import type { Check } from "./check.ts";
import { HOST_FILES } from "./image.ts";
import { VMM_KINDS, type VmmKind } from "./install.ts";
import { exec, firstContainer, life, ownRoot, stdio, volumes } from "./pod_checks.ts";

/** Where the shipped configuration has the VMM of a kind. */
function programOf(kind: VmmKind): OutsideProgram {
  return driverOfHandler(`kuasar-${kind}`)!.program!;
}

const nameOf = ({ path }: OutsideProgram) => basename(path);

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
  ]);
}
