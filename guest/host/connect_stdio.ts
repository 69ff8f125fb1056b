import type { HostContainer } from "./container.ts";
import type { HostDeps } from "./host_deps.ts";

/** Joins a process's streams with containerd's, of whichever kind these are. */
export async function connectStdio(
  { streams }: HostDeps,
  container: HostContainer,
  execId: string,
): Promise<void> {
  await container.connectStdio(execId);
  streams.joined(container.process(execId).paths);
}
