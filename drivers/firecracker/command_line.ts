import type { FirecrackerConfig } from "./config.ts";

/** Firecracker takes letters, digits and `-`, 1 to 64 of them. */
const MAX_ID_CHARS = 64;

/** Firecracker's arguments: an empty VMM, which is told over its API what to run. */
export function buildArguments(config: FirecrackerConfig, sandboxId: string, apiSocket: string): string[] {
  return [
    ...["--api-sock", apiSocket],
    // For its log only.
    ...["--id", sandboxId.replace(/[^A-Za-z0-9-]/g, "-").slice(0, MAX_ID_CHARS)],
    // Its last line tells how it ended, which is read where nobody else can know it.
    ...["--level", config.debug ? "Debug" : "Info"],
    ...(config.pci ? ["--enable-pci"] : []),
    ...(config.seccomp ? [] : ["--no-seccomp"]),
  ];
}
