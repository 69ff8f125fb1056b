import { KuasarError } from "../../lib/errors/mod.ts";
import { withAdmin } from "./admin.ts";
import { type Command, onlyPositional } from "./command.ts";
import { toJson } from "./json.ts";

/** Plugging waits for the guest. */
const TIMEOUT_MS = 60_000;

/** `kuasar-ctl resize`. */
export const resize: Command = {
  name: "resize",
  usage: "resize ID [--vcpus N] [--memory MIB]",
  summary: "gives a running VM other vCPUs and memory",
  flags: {
    vcpus: {
      kind: "integer",
      placeholder: "N",
      help: "vCPUs that the VM is to have; they never become fewer",
    },
    memory: { kind: "integer", placeholder: "MIB", help: "Memory that the guest is to have" },
  },
  examples: [{
    command: "kuasar-ctl resize 3fa9 --vcpus 2 --memory 2048",
    does: "Grow as far as the driver has room",
  }],
  async run(input) {
    const id = onlyPositional(input, "sandbox id");
    const { vcpus = 0, memory = 0 } = input.flags as { vcpus?: number; memory?: number };
    if (vcpus < 0 || memory < 0 || vcpus + memory === 0) {
      throw new KuasarError("INVALID_ARGUMENT", "Cannot resize: name --vcpus, --memory or both, above 0");
    }
    const request = { id, vcpus, memoryMib: BigInt(memory) };
    const now = await withAdmin(input.runDir, (admin) => admin.resize(request, { timeoutMs: TIMEOUT_MS }));
    if (input.json) console.log(toJson(now));
    else console.log(`${now.vcpus} vCPUs, ${now.memoryMib} MiB`);
    return 0;
  },
};
