import { logger } from "../../../lib/log/mod.ts";
import type { Context } from "../context.ts";
import { serveMetrics } from "../metrics_server.ts";

/** Serves one metric on the address of the first argument until it is killed. */
const metrics = { text: () => "up 1\n" };
serveMetrics({ metrics, registry: undefined, log: logger("metrics") } as unknown as Context, Deno.args[0]!);
