import type { Suite } from "../../lib/build/mod.ts";

/** A program of the host that Kuasar runs, and where it comes from. */
export interface Tool {
  /** The name in {@link HostTools} and in `kuasar-ctl check`. */
  key: string;
  /** Where its package puts it. */
  path: string;
  package: string;
  /** The Debian release it is taken from for the private prefix. */
  suite: Suite;
  /** The oldest version that has what we need. */
  minVersion: string;
  /** Arguments that make it print its version. */
  versionArgs: readonly string[];
  whatFor: string;
  /**
   * Libraries of it that bring a RUNPATH: it hides the program's RPATH from what they need themselves, and the system's
   * libraries, older or absent, would be taken.
   */
  libraries?: readonly string[];
  /** Arguments that make it tell by its exit code whether it works on this host. */
  selfTest?: readonly string[];
  /** True where Debian 12 has no version that is new enough. */
  tooOldInDebian12: boolean;
}

/** Every external program, in the order in which `kuasar-ctl check` shows them. */
export const TOOLS: readonly Tool[] = [
  {
    key: "qemu",
    path: "usr/bin/qemu-system-x86_64",
    package: "qemu-system-x86",
    suite: "trixie",
    minVersion: "7.2",
    versionArgs: ["--version"],
    whatFor: "runs microVM pods (driver qemu)",
    tooOldInDebian12: false,
  },
  {
    key: "virtiofsd",
    path: "usr/libexec/virtiofsd",
    package: "virtiofsd",
    suite: "trixie",
    minVersion: "1.10",
    versionArgs: ["--version"],
    whatFor: "shares rootfs and volumes with a guest",
    tooOldInDebian12: true,
  },
  {
    key: "vhostDeviceVsock",
    path: "usr/bin/vhost-device-vsock",
    package: "vhost-device-vsock",
    suite: "forky",
    minVersion: "0.2",
    versionArgs: ["--version"],
    whatFor: "vsock on a host without /dev/vhost-vsock",
    tooOldInDebian12: true,
  },
  {
    key: "containerd",
    path: "usr/bin/containerd",
    package: "containerd",
    suite: "forky",
    minVersion: "2.0",
    versionArgs: ["--version"],
    whatFor: 'asks for the pods; for tests and "deno task start" without a containerd of one\'s own',
    tooOldInDebian12: true,
  },
  {
    key: "ctr",
    path: "usr/bin/ctr",
    package: "containerd",
    suite: "forky",
    minVersion: "2.0",
    versionArgs: ["--version"],
    whatFor: "imports images into the private containerd",
    tooOldInDebian12: true,
  },
  {
    key: "runc",
    path: "usr/sbin/runc",
    package: "runc",
    suite: "forky",
    minVersion: "1.1",
    versionArgs: ["--version"],
    whatFor: "the peer in benchmarks; may run the containers of driver runc",
    tooOldInDebian12: false,
  },
  {
    key: "crun",
    path: "usr/bin/crun",
    package: "crun",
    suite: "trixie",
    // Older ones refuse the specification 1.2, which containerd 2 writes.
    minVersion: "1.14.3",
    versionArgs: ["--version"],
    whatFor: "runs containers inside the guest, packed into its image, and on the host (driver runc)",
    tooOldInDebian12: true,
  },
  {
    key: "criu",
    path: "usr/sbin/criu",
    package: "criu",
    suite: "trixie",
    minVersion: "4.0",
    versionArgs: ["--version"],
    whatFor: "checkpoints and restores containers (driver runc)",
    selfTest: ["check"],
    tooOldInDebian12: true,
  },
  {
    key: "runsc",
    path: "usr/bin/runsc",
    package: "runsc",
    suite: "trixie",
    // Of the platforms only systrap is both quick and at home on every host; packages are named by their date.
    minVersion: "0.0~20230401",
    versionArgs: ["--version"],
    whatFor: "runs pods under gVisor's kernel (driver gvisor)",
    tooOldInDebian12: true,
  },
  {
    key: "wasmedge",
    path: "usr/bin/wasmedge",
    package: "wasmedge",
    suite: "trixie",
    minVersion: "0.13",
    versionArgs: ["--version"],
    whatFor: "runs Wasm containers (driver wasm)",
    libraries: ["usr/lib/x86_64-linux-gnu/libLLVM.so.19.1"],
    tooOldInDebian12: true,
  },
  {
    key: "mkfsErofs",
    path: "usr/bin/mkfs.erofs",
    package: "erofs-utils",
    suite: "trixie",
    minVersion: "1.5",
    versionArgs: ["--version"],
    whatFor: "makes the guest's disk image",
    tooOldInDebian12: false,
  },
  {
    key: "busyboxStatic",
    path: "usr/bin/busybox",
    package: "busybox-static",
    suite: "trixie",
    minVersion: "1.30",
    versionArgs: ["--help"],
    whatFor: "the guest's debug shell and the test image",
    tooOldInDebian12: false,
  },
];

/** Where the CNI plugins are below the prefix. */
export const CNI_BIN_DIR = "usr/lib/cni";

/** Packages besides those of {@link TOOLS}. */
export const EXTRA_PACKAGES: readonly { package: string; suite: Suite }[] = [
  { package: "containernetworking-plugins", suite: "forky" },
  { package: "patchelf", suite: "trixie" },
  // By which crun calls CRIU.
  { package: "libcriu2", suite: "trixie" },
];
