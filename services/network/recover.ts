import { asKuasarError } from "../../lib/errors/mod.ts";
import type { Logger } from "../../lib/log/mod.ts";
import { detach, isNetnsThere } from "./detach.ts";
import type { NetworkState } from "./state.ts";

/**
 * Compares the state with the world after a restart.
 *
 * What is attached stays: packets flow in the kernel without us. An attach that was cut short is undone, as its
 * caller got no answer and will ask again. Sandboxes whose namespace is gone are forgotten.
 */
export async function recover(state: NetworkState, log: Logger): Promise<void> {
  for (const [sandbox, attachment] of state.attachments.entries()) {
    const isHostNetwork = attachment.netnsPath === "";
    if (attachment.phase === "attached" && (isHostNetwork || isNetnsThere(attachment))) continue;
    log.info("Cleaning after a restart", { sandbox, phase: attachment.phase, netns: attachment.netnsPath });
    try {
      await detach(state, sandbox, log);
    } catch (error) {
      // It stays in the state; the sandboxer's Detach tries again.
      log.error("Cannot clean after a restart", { sandbox, error: asKuasarError(error) });
    }
  }
}
