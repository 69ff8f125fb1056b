import { asKuasarError } from "../../lib/errors/mod.ts";
import type { Context } from "./context.ts";
import { repeat } from "./repeat.ts";
import type { Sandbox } from "./sandbox.ts";
import { finishInBackground } from "./finish.ts";
import { isForgotten } from "./unstarted.ts";
import { watchExit } from "./watch.ts";

/**
 * Takes up, after a start of the sandboxer, what is stored: adopts what runs, finishes what was interrupted.
 *
 * Returns at once, so that containerd is answered from what is stored; the work goes on in the background and waits
 * for peers that are not up yet.
 *
 * @returns resolves when all of the work has ended, for tests
 */
export function recoverSandboxes(context: Context): Promise<void> {
  const work = context.registry.all().map((sandbox) => recoverSandbox(context, sandbox));
  return Promise.all([...work, removeStrangers(context)]).then(() => {});
}

async function recoverSandbox(context: Context, sandbox: Sandbox): Promise<void> {
  const { id, state, record } = sandbox;
  context.log.info("Recovering", { sandbox: id, state });
  switch (state) {
    case "created":
      if (!isForgotten(context, sandbox)) return;
      sandbox.move("removing");
      return await finishInBackground(context, sandbox);
    case "starting":
      // containerd has got an error for its call and will not call again.
      sandbox.move("removing", { reason: "the sandboxer ended during the start" });
      sandbox.noteExit({ status: 255, atMs: Date.now() });
      return await finishInBackground(context, sandbox);
    case "ready":
      // The driver tells at once where it has ended meanwhile.
      return watchExit(context, sandbox);
    case "stopping":
      if (!record.exit) watchExit(context, sandbox);
      return await finishInBackground(context, sandbox);
    case "stopped":
      return;
    case "removing":
      return await finishInBackground(context, sandbox);
  }
}

/**
 * Removes from the peers what is in no row of ours: it can only come from a state that was lost, and nobody else would
 * ever take it away.
 */
async function removeStrangers(context: Context): Promise<void> {
  const { peers, config, registry, locks, log, stopping } = context;
  const { network, storage } = peers;
  const drivers = new Set([
    ...peers.installed.haveRun(),
    ...registry.all().map(({ record }) => record.driver),
  ]);
  const places = [
    ...[...drivers].map((name) => ({
      name,
      list: peers.driver(name).list,
      remove: peers.driver(name).remove,
    })),
    { name: "storage", list: storage.list, remove: storage.removeShare },
    { name: "network", list: network.list, remove: network.detach },
  ];
  for (const { name, list, remove } of places) {
    try {
      const options = { timeoutMs: config.timeouts.peer_ms, signal: stopping };
      const { sandboxIds } = await repeat((timeoutMs) => list({}, { timeoutMs, signal: stopping }), options);
      for (const sandboxId of sandboxIds) {
        await locks.run(sandboxId, async () => {
          // Somebody may have made a sandbox of this id since the peer was asked.
          if (registry.find(sandboxId)) return;
          log.warn("Removing an unknown sandbox", { peer: name, sandbox: sandboxId });
          await repeat((timeoutMs) => remove({ sandboxId }, { timeoutMs }), options);
        });
      }
    } catch (error) {
      if (stopping.aborted) return;
      log.warn("Cannot look for unknown sandboxes", { peer: name, error: asKuasarError(error) });
    }
  }
}
