import { strictEqual } from "node:assert/strict";
import { HOST_FILES } from "./image.ts";
import type { DebianHost } from "./debian_host.ts";

/** The kinds of pods whose programs are free and can be had: of the others only stand-ins run here. */
export const KINDS = ["runc", "gvisor", "wasm", "qemu"] as const;
/** Those whose programs no package has. */
export const VMM_KINDS = ["clh", "firecracker", "stratovirt"] as const;
export type VmmKind = (typeof VMM_KINDS)[number];
export type Kind = (typeof KINDS)[number] | VmmKind;

/** An apt that asks nothing. */
export const APT = "DEBIAN_FRONTEND=noninteractive apt-get -q -y";

/**
 * What hosts need that are as slow as an emulated one beside other work; users are given two minutes and 90 s. Drop-ins, with
 * the escapes of printf.
 */
const PATIENCE: Readonly<Record<string, string>> = {
  sandboxer: "[timeouts]\\nstart_ms = 1800000\\n",
  config_gvisor: "[runtime]\\ncreate_timeout = 300\\n",
  ...Object.fromEntries(
    ["config_qemu_x86_64", "config_clh", "config_firecracker_x86_64", "config_stratovirt_x86_64"].map((
      file,
    ) => [
      file,
      "[hypervisor]\\nboot_timeout = 300\\n",
    ]),
  ),
};

/** Writes the drop-ins of {@link PATIENCE}, the only configuration that is not as shipped. */
async function bePatient({ machine }: DebianHost): Promise<void> {
  const lines = Object.entries(PATIENCE).map(([name, text]) => {
    const folder = `/etc/kuasar/${name}.toml.d`;
    return `mkdir -p ${folder} && printf '${text}' > ${folder}/90-patience.toml`;
  });
  await machine.must(lines.join(" && "));
}

/** As documented, one command, after which pods run; where it has nothing else to get, without reading what there is to get. */
export async function install(host: DebianHost): Promise<void> {
  await bePatient(host);
  const { machine, packages, clean } = host;
  const files = packages.map((file) => HOST_FILES + file).join(" ");
  await machine.must(clean ? `${APT} install ${files}` : `dpkg --install ${files}`);
}

/** What Kuasar and what pods leave would lie here. */
const PLACES = [
  "/usr/lib/kuasar",
  "/usr/bin/*kuasar*",
  "/usr/lib/systemd/system/kuasar*",
  "/etc/systemd/system/*/kuasar*",
  "/etc/kuasar",
  "/var/lib/kuasar*",
  "/var/cache/kuasar",
  "/run/kuasar*",
];

/** With the pods gone, removal leaves nothing. */
export async function uninstall({ machine }: DebianHost): Promise<void> {
  await machine.must(`${APT} purge kuasar kuasar-programs`);
  const left = await machine.must(
    `ls -d ${PLACES.join(" ")} 2>/dev/null; pgrep -a kuasar; pgrep -a containerd; true`,
  );
  strictEqual(left, "");
  strictEqual(await machine.must("systemctl --failed --no-legend --plain"), "");
}
