import http2 from "node:http2";
import { KuasarError, toStatus } from "../errors/mod.ts";
import { inheritedFd, inheritedNames } from "./inherited_fds.ts";

/** How long whoever waits for the service has to ask. Those who come later are answered by its next start. */
const PATIENCE_MS = 1_000;
/** A longer message is cut: headers have a limit. */
const MAX_MESSAGE_LENGTH = 4_000;

/**
 * Tells those who wait on inherited sockets why this service cannot start: answers every gRPC call with the error, for a
 * second. Their connections would stay in the sockets otherwise, and have systemd start it again at once, and again, for as
 * long as they wait.
 */
export async function refuseCallers(reason: KuasarError): Promise<void> {
  // What is wrong is nothing that the caller has said.
  const error = new KuasarError("FAILED_PRECONDITION", reason.message, { evidence: reason.evidence });
  const servers = inheritedNames().map((name) => refuseOn(inheritedFd(name)!, error));
  if (servers.length === 0) return;
  await new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  for (const server of servers) server.close();
}

function refuseOn(fd: number, error: KuasarError): http2.Http2Server {
  const { code, message } = toStatus(error);
  const server = http2.createServer();
  server.on("stream", (stream: http2.ServerHttp2Stream) => {
    stream.on("error", () => {}); // Who has given up needs no answer.
    const headers = {
      ":status": 200,
      "content-type": "application/grpc",
      "grpc-status": String(code),
      "grpc-message": encodeURI(message.slice(0, MAX_MESSAGE_LENGTH)),
    };
    stream.respond(headers, { endStream: true });
  });
  server.on("sessionError", () => {}); // Not everybody speaks HTTP/2.
  server.listen({ fd });
  return server;
}
