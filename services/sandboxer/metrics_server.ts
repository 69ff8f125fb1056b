import { asKuasarError, KuasarError } from "../../lib/errors/mod.ts";
import type { Context } from "./context.ts";

/** The type of Prometheus' text format. */
const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Serves `GET /metrics`. */
export interface MetricsServer {
  close(): Promise<void>;
}

/**
 * Serves the metrics over HTTP. They name no pod, so that whoever may reach the address learns numbers only.
 *
 * @param address `127.0.0.1:9464` or `[::1]:9464`
 * @throws INVALID_ARGUMENT where nobody can listen there
 */
export function serveMetrics({ metrics, registry, log }: Context, address: string): MetricsServer {
  const at = address.lastIndexOf(":");
  const hostname = address.slice(0, at).replace(/^\[|\]$/g, "");
  const port = Number(address.slice(at + 1));
  const answer = (request: Request): Response => {
    const { pathname } = new URL(request.url);
    if (pathname !== "/metrics") return new Response("See /metrics\n", { status: 404 });
    if (request.method !== "GET") {
      return new Response("GET only\n", { status: 405, headers: { allow: "GET" } });
    }
    return new Response(metrics.text(registry), { headers: { "content-type": CONTENT_TYPE } });
  };
  try {
    const server = Deno.serve({ hostname, port, onListen: () => log.info("Metrics", { address }) }, answer);
    return { close: () => server.shutdown() };
  } catch (cause) {
    const reason = asKuasarError(cause).message;
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot serve metrics on ${address}: ${reason}; change metrics.address`,
      {
        cause,
      },
    );
  }
}
