import { NOTHING_TO_SAY, runService } from "../../lib/service/mod.ts";
import { loadSandboxerConfig } from "./config.ts";
import { Sandboxer } from "./sandboxer.ts";

if (import.meta.main) {
  await runService({
    name: "kuasar-sandboxer",
    summary: "Serves containerd's Sandbox API: the life of every pod sandbox of this node.",
    examples: [
      { command: "kuasar-sandboxer", does: "Serve on /run/kuasar/sandboxer.sock with all defaults" },
      {
        command: "kuasar-sandboxer --config /etc/kuasar/sandboxer.toml --log-level debug",
        does: "Read a configuration and log every step",
      },
    ],
    async run({ runDir, configFile, onStop, report }) {
      const config = loadSandboxerConfig(configFile);
      if (report) return report(NOTHING_TO_SAY);
      const sandboxer = await Sandboxer.start({ runDir, config });
      onStop("stop serving", () => sandboxer.close());
    },
  });
}
