import type { Handlers } from "../../lib/grpc/mod.ts";
import type { Logger } from "../../lib/log/mod.ts";
import type { NetworkDefinition } from "../../lib/proto/gen/kuasar/network/v1/network.ts";
import { attach } from "./attach.ts";
import { detach } from "./detach.ts";
import { checkAttachRequest, checkSandboxId } from "./request.ts";
import { KeyedLock } from "../../lib/concurrency/mod.ts";
import type { NetworkState } from "./state.ts";

/** The RPCs of `kuasar.network.v1.Network`. Calls for one sandbox run one after the other. */
export function networkService(state: NetworkState, log: Logger): Handlers<typeof NetworkDefinition> {
  const serial = new KeyedLock();
  return {
    attach: async (request) => {
      checkAttachRequest(request);
      return await serial.run(request.sandboxId, () => attach(state, request, log));
    },
    detach: async ({ sandboxId }) => {
      checkSandboxId(sandboxId);
      await serial.run(sandboxId, () => detach(state, sandboxId, log));
      return {};
    },
    list: async () => ({ sandboxIds: state.attachments.ids() }),
  };
}
