import { asKuasarError, KuasarError } from "../../lib/errors/mod.ts";
import type { Context } from "./context.ts";

/** The type of Prometheus' text format. */
const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Between two tries where it cannot be served any more. */
const REST_MS = 1000;

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
  let server: Deno.HttpServer | undefined;
  let resting: ReturnType<typeof setTimeout> | undefined;
  const serve = () => {
    server = Deno.serve({ hostname, port, onListen: () => log.info("Metrics", { address }) }, answer);
    // An accept that fails, for want of descriptors, ends Deno's server.
    server.finished.catch((error) => {
      log.error("Cannot serve metrics, trying again", { address, error });
      resting = setTimeout(again, REST_MS);
    });
  };
  const again = () => {
    try {
      serve();
    } catch (error) {
      log.debug("Cannot serve metrics", { address, error });
      resting = setTimeout(again, REST_MS);
    }
  };
  try {
    serve();
  } catch (cause) {
    const reason = asKuasarError(cause).message;
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot serve metrics on ${address}: ${reason}; change metrics.address`,
      { cause },
    );
  }
  return {
    async close() {
      clearTimeout(resting);
      await server?.shutdown();
    },
  };
}
