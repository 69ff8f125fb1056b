import { integer, text } from "../../../lib/config/mod.ts";
import { KuasarError } from "../../../lib/errors/mod.ts";
import { SHARE_DIR } from "../packaged_file.ts";
import { IMAGE_REMEDY, KERNEL_REMEDY, type Requirement } from "./preflight.ts";

/**
 * What makes a boot short. Not `tsc=reliable`: where a busy host delays the calibration of an emulated counter, a guest's
 * minute would last seconds, and only the watchdog that this switches off would notice.
 */
export const KERNEL_PARAMS = "quiet rcupdate.rcu_expedited=1 net.ifnames=0";

/** Kuasar's keys of `[hypervisor]` that every VM driver has, and our `boot_timeout`. */
export const GUEST_KEYS = {
  vcpus: integer({ default: 1, min: 1, max: 255, help: "of a sandbox that names no number" }),
  memory_in_mb: integer({
    default: 1024,
    min: 64,
    max: 16_777_216,
    help: "of a sandbox without a memory limit",
  }),
  kernel_path: text({ default: `${SHARE_DIR}/vmlinux.bin`, help: "the guest's kernel" }),
  initrd_path: text({ default: "", help: "boot from this initrd, or from image_path" }),
  image_path: text({ default: "", help: "boot from this read-only disk" }),
  kernel_params: text({ default: KERNEL_PARAMS, help: "added to those that the driver needs" }),
  launcher_path: text({
    default: "/usr/local/lib/kuasar/agent",
    help: "our agent, which starts a VMM with no more rights than it needs",
  }),
  boot_timeout: integer({
    // More than the 45 s of the original: several guests that boot at once under emulation on a busy host need them. Less than
    // a start as a whole may take, so that the failure names the guest.
    default: 90,
    min: 1,
    max: 3600,
    help: "seconds from the VMM's start to READY",
  }),
} as const;

/** What every VM driver knows of its guests after all checks. */
export interface GuestConfig {
  vcpus: number;
  memoryMib: number;
  kernelPath: string;
  /** Exactly one of initrd and image is set. */
  initrdPath: string;
  imagePath: string;
  kernelParams: string;
  /** Our agent's program. */
  launcherPath: string;
  bootTimeoutMs: number;
}

/** The values of {@link GUEST_KEYS} in a checked file. */
export interface GuestValues {
  readonly vcpus: number;
  readonly memory_in_mb: number;
  readonly kernel_path: string;
  readonly initrd_path: string;
  readonly image_path: string;
  readonly kernel_params: string;
  readonly launcher_path: string;
  readonly boot_timeout: number;
}

/**
 * The configuration that the common keys of a checked file mean.
 *
 * @param name of the file, for messages
 * @throws {KuasarError} INVALID_ARGUMENT for keys that contradict each other
 */
export function guestConfig(values: GuestValues, name: string): GuestConfig {
  if (values.image_path && values.initrd_path) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot use ${name}: hypervisor.image_path and hypervisor.initrd_path are both set; a guest boots from one`,
    );
  }
  return {
    vcpus: values.vcpus,
    memoryMib: values.memory_in_mb,
    kernelPath: values.kernel_path,
    initrdPath: values.initrd_path || (values.image_path ? "" : `${SHARE_DIR}/kuasar.initrd`),
    imagePath: values.image_path,
    kernelParams: values.kernel_params,
    launcherPath: values.launcher_path,
    bootTimeoutMs: values.boot_timeout * 1000,
  };
}

/** What a guest of this configuration boots from. */
export function guestRequirements(
  { kernelPath, imagePath, initrdPath, launcherPath }: GuestConfig,
): Requirement[] {
  return [
    { what: "the agent (launcher_path)", path: launcherPath, remedy: "`deno task setup`" },
    { what: "the guest kernel (kernel_path)", path: kernelPath, remedy: KERNEL_REMEDY },
    ...(imagePath ? [{ what: "the guest image (image_path)", path: imagePath, remedy: IMAGE_REMEDY }] : []),
    ...(initrdPath
      ? [{ what: "the guest initrd (initrd_path)", path: initrdPath, remedy: IMAGE_REMEDY }]
      : []),
  ];
}
