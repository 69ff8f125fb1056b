import { needCommands, root, run, step } from "../../lib/build/mod.ts";
import { buildRootfs } from "./rootfs.ts";
import type { HostSuite } from "./suites.ts";

/** What a machine boots. All paths are absolute. */
export interface HostImage {
  disk: string;
  kernel: string;
  initrd: string;
  /** Of root, for ssh. */
  privateKey: string;
}

/** What an installation of Debian has and this one can do without: a machine as its installer leaves it, with a server for ssh. */
const PACKAGES = [
  "systemd-sysv",
  "dbus",
  "udev",
  "linux-image-amd64",
  "apparmor",
  "openssh-server",
  "ca-certificates",
];

/** Where the machine has the files of the host that runs the tests, read-only. */
export const HOST_FILES = "/mnt/host";
const HOST_MOUNT = `host ${HOST_FILES} 9p trans=virtio,version=9p2000.L,cache=loose,msize=512000,ro,nofail`;

/** What the packages under test depend on. */
const DEPENDENCIES = ["qemu-system-x86", "erofs-utils", "containernetworking-plugins", "iptables"];

/** Of the initrd: only what finds the disk, so that it unpacks quickly under emulation. */
const INITRD_MODULES = ["virtio_pci", "virtio_blk", "ext4", "crc32c_generic"];

/** The link that the machine has besides what pods bring; the user network of QEMU serves DHCP and DNS. */
const NETWORK = "[Match]\nName=eth0\n[Network]\nDHCP=ipv4\n";

/** Tells the console that ssh answers. */
export const READY_LINE = "== the machine is ready ==";
const READY_UNIT = `[Unit]
After=ssh.service network.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c "echo; echo '${READY_LINE}'"
StandardOutput=file:/dev/ttyS0
[Install]
WantedBy=multi-user.target
`;

/** Shell that writes `text` to the file `path` of the new root. */
function file(path: string, text: string): string {
  const quoted = text.replaceAll("'", `'\\''`);
  return `mkdir -p "$1$(dirname ${path})"; printf '%s' '${quoted}' > "$1${path}"`;
}

const UNITS = "/etc/systemd/system";
const wanted = (unit: string, path: string) =>
  `mkdir -p "$1${UNITS}/multi-user.target.wants"; ln -sf ${path} "$1${UNITS}/multi-user.target.wants/${unit}"`;

/**
 * Makes the disk, kernel and initrd of a Debian host: stock kernel, systemd, AppArmor, one ext4 disk.
 *
 * @param options `clean`: apt has what the packages under test depend on, and none of it is installed; else it is, as
 *   apt takes minutes for that under emulation
 * @throws KuasarError where packages or tools cannot be had
 */
export async function hostImage(
  { name: suiteName, suite, docker }: HostSuite,
  { clean }: { clean: boolean },
): Promise<HostImage> {
  const name = clean ? `${suiteName}-clean` : suiteName;
  const folder = await buildRootfs({
    name: `rootfs-${name}`,
    suite,
    variant: "important",
    ...(clean
      ? { packages: PACKAGES, downloaded: [...DEPENDENCIES, ...docker] }
      : { packages: [...PACKAGES, ...DEPENDENCIES] }),
    essentialHooks: [
      file("/etc/initramfs-tools/conf.d/machine", "MODULES=list\n"),
      file("/usr/share/initramfs-tools/modules.d/machine", INITRD_MODULES.join("\n") + "\n"),
    ],
    customizeHooks: [
      file("/etc/hostname", `${name}\n`),
      file("/etc/hosts", `127.0.0.1 localhost ${name}\n`),
      file("/etc/fstab", `/dev/vda / ext4 rw,noatime 0 1\n${HOST_MOUNT} 0 0\n`),
      `mkdir -p "$1${HOST_FILES}"`,
      file("/etc/systemd/network/10-eth0.network", NETWORK),
      wanted("systemd-networkd.service", "/lib/systemd/system/systemd-networkd.service"),
      file("/etc/resolv.conf", "nameserver 10.0.2.3\n"),
      file(`${UNITS}/machine-ready.service`, READY_UNIT),
      wanted("machine-ready.service", `${UNITS}/machine-ready.service`),
      `chroot "$1" sh -c "mkdir -p -m 700 /root/.ssh; ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/machine"; ` +
      `cp "$1/root/.ssh/machine.pub" "$1/root/.ssh/authorized_keys"`,
    ],
  });
  const out = await step({
    name: `image-${name}`,
    output: `machine-${name}`,
    inputs: [{ path: `${folder}/.inputs` }, { path: `${root}/tests/host/image.ts` }],
    run: async ({ out, log, say }) => {
      await needCommands({ "mkfs.ext4": "e2fsprogs", ssh: "openssh-client" }, log, say);
      // From the folder, without a mount. What is not initialised now is by the kernel, in the background.
      const lazy = ["-E", "lazy_itable_init=1,lazy_journal_init=1"];
      await run("mkfs.ext4", ["-q", "-F", "-d", folder, ...lazy, `${out}/disk`, "8G"], { log });
      await Deno.copyFile(`${folder}/root/.ssh/machine`, `${out}/key`);
      await Deno.chmod(`${out}/key`, 0o600);
      for (const kind of ["vmlinuz", "initrd.img"]) {
        await Deno.copyFile(bootFile(`${folder}/boot`, kind), `${out}/${kind}`);
      }
    },
  });
  return {
    disk: `${out}/disk`,
    kernel: `${out}/vmlinuz`,
    initrd: `${out}/initrd.img`,
    privateKey: `${out}/key`,
  };
}

function bootFile(boot: string, kind: string): string {
  const name = [...Deno.readDirSync(boot)].map(({ name }) => name).find((n) => n.startsWith(`${kind}-`));
  return `${boot}/${name}`;
}
