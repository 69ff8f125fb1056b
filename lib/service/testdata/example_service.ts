import { KuasarError } from "../../errors/mod.ts";
import { runService } from "../mod.ts";

await runService({
  name: "example",
  summary: "a service for tests",
  flags: { fail: { kind: "boolean", help: "Fail to start" } },
  run: async ({ flags, onStop, log }) => {
    if (flags.fail) throw new KuasarError("INVALID_ARGUMENT", "Cannot use the configuration: told to fail");
    onStop("say first", () => log.info("first"));
    onStop("say second", () => log.info("second"));
    void Promise.reject(new Error("a bug in one request"));
    await new Promise((resolve) => setTimeout(resolve, 1));
  },
});
