import { boolean, table, text } from "../../lib/config/mod.ts";

/** Kuasar's table `[sandbox]`, which every driver's file has. */
export const SANDBOX_KEYS = table({
  log_level: text({ default: "info", help: "read by the sandboxer" }),
  enable_tracing: boolean({ default: false, help: "read by the sandboxer" }),
});
