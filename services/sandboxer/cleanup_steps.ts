import { type CleanupStep, runCleanup } from "../../lib/cleanup/mod.ts";
import { KuasarError } from "../../lib/errors/mod.ts";
import { removeCriFiles } from "./cri_files.ts";
import type { Context } from "./context.ts";
import { runStopHooks } from "./host_hooks.ts";
import { removeOwnNetns } from "./own_netns.ts";
import { removePodCgroup } from "./pod_cgroup.ts";
import { repeat } from "./repeat.ts";
import type { Sandbox } from "./sandbox.ts";

/**
 * What takes a sandbox away, whatever exists of it. Every step is idempotent and may be repeated after a crash.
 *
 * The VM goes first: it holds the taps and the share.
 */
function cleanupSteps(
  context: Context,
  sandbox: Sandbox,
): CleanupStep[] {
  const { peers, config, registry, stopping } = context;
  const { id, record } = sandbox;
  const request = { sandboxId: id };
  const calling = async (call: (timeoutMs: number) => Promise<unknown>): Promise<void> => {
    await repeat(call, { timeoutMs: config.timeouts.peer_ms, signal: stopping });
  };
  return [
    {
      name: "remove the VM",
      run: () =>
        calling((timeoutMs) => peers.driver(record.driver).remove(request, { timeoutMs, signal: stopping })),
    },
    {
      name: "let work for containers end",
      run: async () => {
        await Promise.allSettled([...sandbox.preparing]);
      },
    },
    {
      name: "remove the share",
      run: () => calling((timeoutMs) => peers.storage.removeShare(request, { timeoutMs, signal: stopping })),
    },
    {
      name: "remove the cgroup",
      run: () => removePodCgroup(context, record),
    },
    { name: "run the hooks of its end", run: () => runStopHooks(context, sandbox) },
    {
      name: "detach the network",
      run: () => calling((timeoutMs) => peers.network.detach(request, { timeoutMs, signal: stopping })),
    },
    {
      name: "remove the network namespace",
      run: () => {
        if (record.ownNetns) removeOwnNetns(record.netnsPath);
      },
    },
    {
      name: "remove the pod's files",
      run: () => {
        if (record.criDir) removeCriFiles(record.criDir);
      },
    },
    { name: "forget the containers", run: () => registry.deleteContainers(id) },
  ];
}

/**
 * Runs all steps of a sandbox and stores what is left over, which then is the janitor's; does nothing where it is clean
 * already. The caller holds its lock and knows that it is not forgotten: peers know it by its id only.
 *
 * @throws ABORTED with one line of evidence for each step that failed: it may be repeated
 */
export async function cleanSandbox(context: Context, sandbox: Sandbox): Promise<void> {
  if (sandbox.record.cleaned) return;
  const leftovers = await runCleanup(cleanupSteps(context, sandbox));
  const lines = leftovers.map(({ step, error }) => `${step}: ${error.message}`);
  sandbox.update({ cleaned: lines.length === 0, leftovers: lines });
  if (lines.length === 0) return;
  if (!context.stopping.aborted) {
    context.log.error("Something of a sandbox is left over", { sandbox: sandbox.id, leftovers: lines });
  }
  context.janitor.take(sandbox);
  throw new KuasarError(
    "ABORTED",
    `Cannot clean up sandbox ${sandbox.id}: ${lines.length} of its cleanup steps failed`,
    { evidence: lines, cause: leftovers[0]?.error },
  );
}
