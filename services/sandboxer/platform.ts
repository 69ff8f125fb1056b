import type { Platform } from "../../lib/proto/gen/containerd/types/types.ts";

/** Go's names of architectures, by Deno's. */
const GO_ARCH: Readonly<Record<string, string>> = {
  x86_64: "amd64",
  aarch64: "arm64",
  riscv64gc: "riscv64",
};

/** What runs in a sandbox; containerd chooses the builder of specs and the decoder of stats by it. */
export function guestPlatform(arch: string = Deno.build.arch): Platform {
  return { os: "linux", architecture: GO_ARCH[arch] ?? arch, variant: "", osVersion: "" };
}
