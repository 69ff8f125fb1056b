import { root } from "../root.ts";

/** What a guest of the conformance suite boots from, and how long it may take. */
export interface TestGuest {
  kernel: string;
  initrd: string;
  kernelParams: string;
  /** What starts VMMs: our agent. */
  launcher: string;
  /** In s. */
  bootTimeout: number;
}

/**
 * What the checkout has built, or a kernel of one's own: one that boots on a KVM without hardware is slow, and needs
 * parameters that nothing else does (docs/testing.md).
 */
export function testGuest(): TestGuest {
  return {
    kernel: Deno.env.get("KUASAR_TEST_KERNEL") ?? `${root}/build/kernel/vmlinux.bin`,
    initrd: Deno.env.get("KUASAR_TEST_INITRD") ?? `${root}/build/image/kuasar.initrd`,
    launcher: `${root}/build/guest/agent`,
    kernelParams: Deno.env.get("KUASAR_TEST_KERNEL_PARAMS") ?? "quiet",
    // Several guests boot at once, under emulation and beside whatever else the host does.
    bootTimeout: Number(Deno.env.get("KUASAR_TEST_BOOT_TIMEOUT") ?? 300),
  };
}
