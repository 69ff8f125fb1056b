import { root } from "../../lib/build/mod.ts";
import { DRIVERS } from "../drivers.ts";
import type { Item } from "../install/item.ts";
import type { About } from "./about.ts";
import { programsCopyright } from "./copyright.ts";
import type { DebSpec } from "./deb.ts";
import { builtUsing } from "./debian_origin.ts";
import { config, copy, text } from "./items.ts";
import { HANDLERS_FILE, PACKAGE_LAYOUT } from "./kuasar.ts";
import { OWN_CONTAINERD, ownContainerdConfig, ownContainerdUnit, ownNetwork } from "./own_containerd.ts";
import { maintainerScripts } from "./scripts.ts";
import { PROGRAMS_PREFIX, shippedPath, type ShippedPrograms } from "./shipped_programs.ts";

const DOCS = "/usr/share/doc/kuasar-programs";
const UNITS = "/usr/lib/systemd/system";

/** The package with the programs of others that Debian lacks. */
export function programsPackage(
  { version, architecture, maintainer }: About,
  programs: ShippedPrograms,
  texts: { changelog: string; taskUnit: string },
): DebSpec {
  return {
    name: "kuasar-programs",
    version,
    architecture,
    fields: {
      Maintainer: maintainer,
      Section: "admin",
      Priority: "optional",
      Depends: [
        `kuasar (= ${version})`,
        "init-system-helpers (>= 1.52)",
        "libc6 (>= 2.36)",
        "containernetworking-plugins",
        "erofs-utils (>= 1.5)",
        "iptables",
        "kmod",
        "qemu-system-x86 (>= 1:7.2)",
      ].join(", "),
      Suggests: "runc",
      "Built-Using": builtUsing(programs.packages),
      Description: `container runtime Kuasar: programs that Debian lacks
 What the services of kuasar run and not every release of Debian has, or has
 new enough: virtiofsd, vhost-device-vsock, crun, CRIU, gVisor's runsc,
 WasmEdge, and a containerd of version 2 beside the one of the host. They are
 in a folder of their own, with the libraries that they need.`,
    },
    items: [
      ...programItems(programs),
      ...dropIns(),
      config(OWN_CONTAINERD.config, ownContainerdConfig(HANDLERS_FILE)),
      { kind: "folder", path: `${OWN_CONTAINERD.config}.d` },
      config(`${OWN_CONTAINERD.cniConfDir}/99-kuasar.conflist`, ownNetwork()),
      text(`${UNITS}/${OWN_CONTAINERD.unit}`, ownContainerdUnit(`${PROGRAMS_PREFIX}/bin`)),
      text(`${UNITS}/kuasar-task.service.d/50-containerd.conf`, taskDropIn(texts.taskUnit)),
      text("/usr/bin/kuasar-ctr", CTR, 0o755),
      text(`${DOCS}/copyright`, programsCopyright(PROGRAMS_PREFIX, programs.packages)),
      copy(`${DOCS}/changelog.gz`, texts.changelog),
      copy("/usr/share/lintian/overrides/kuasar-programs", `${root}/deploy/package/lintian/kuasar-programs`),
    ],
    scripts: maintainerScripts("kuasar-programs"),
  };
}

/** ctr, for the containerd of this package unless another is named. */
const CTR = `#!/bin/sh
: "\${CONTAINERD_ADDRESS:=${OWN_CONTAINERD.address}}"
export CONTAINERD_ADDRESS
exec ${shippedPath("ctr")} "$@"
`;

function programItems({ tree, licences, packages }: ShippedPrograms): Item[] {
  const files = (folder: string, mode: number) =>
    [...Deno.readDirSync(`${tree}/${folder}`)].map(({ name }) =>
      copy(
        `${PROGRAMS_PREFIX}/${folder}/${name}`,
        `${tree}/${folder}/${name}`,
        name.startsWith("ld-") ? 0o755 : mode,
      )
    );
  return [
    ...files("bin", 0o755),
    ...files("lib", 0o644),
    ...packages.map(({ name }) => copy(`${DOCS}/licences/${name}`, `${licences}/${name}`)),
  ];
}

/**
 * What points the services at the programs. Links, so that they go with the package: of files dpkg would leave those behind
 * that name programs which are gone. Who wants another program names it in a drop-in with a later name.
 */
function dropIns(): Item[] {
  const fileOf = (name: string) => DRIVERS.find((driver) => driver.name === name)!.configFile;
  const texts: [file: string, text: string][] = [
    ["storage.toml", `[virtiofsd]\npath = "${shippedPath("virtiofsd")}"\n`],
    [fileOf("qemu"), `[hypervisor]\nvhost_device_vsock_path = "${shippedPath("vhostDeviceVsock")}"\n`],
    [
      fileOf("runc"),
      `[runtime]\nruntime_path = "${shippedPath("crun")}"\ncriu_path = "${shippedPath("criu")}"\n`,
    ],
    [fileOf("gvisor"), `[runtime]\nruntime_path = "${shippedPath("runsc")}"\n`],
    [
      fileOf("wasm"),
      `[engine]\npath = "${shippedPath("wasmedge")}"\n\n[runtime]\nruntime_path = "${
        shippedPath("crun")
      }"\n\n` +
      `[containerd]\naddress = "${OWN_CONTAINERD.address}"\n`,
    ],
  ];
  return texts.flatMap(([file, content]): Item[] => [
    text(`${PROGRAMS_PREFIX}/config/${file}`, content),
    {
      kind: "link",
      path: `${PACKAGE_LAYOUT.configDir}/${file}.d/50-programs.toml`,
      target: `${PROGRAMS_PREFIX}/config/${file}`,
    },
  ]);
}

/** Sends the events of containers to the containerd of this package. */
function taskDropIn(unit: string): string {
  const command = /^ExecStart=.*$/m.exec(unit)![0];
  return `[Service]
ExecStart=
${command.replace("/run/containerd/containerd.sock.ttrpc", `${OWN_CONTAINERD.address}.ttrpc`)}
`;
}
