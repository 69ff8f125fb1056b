import { type Buffer } from "node:buffer";
import type net from "node:net";
import { Duplex } from "node:stream";
import { firstConfirmation, FrameFilter, goaways, PREFACE_BYTES } from "./frame_filter.ts";

/**
 * The connection without its GOAWAY frames, in both directions.
 *
 * A GOAWAY that arrives on a connection that has carried some hundred calls kills the whole process in Deno's
 * http2 (seen with Deno 2.9.6: `free(): invalid pointer`, or a failed assertion in nghttp2's
 * find_stream_on_goaway_func; denoland/deno#36788). Any client may send one when it closes. The frame only
 * announces the end of the connection, which is seen anyway, so it is kept from our server, and from our clients by
 * not sending one. To be removed when Deno is fixed; `without_goaway_test.ts` tells.
 *
 * @param greeted whether kuasar-greeter has sent settings of its own: their confirmation is kept from our server too
 */
export function withoutGoaway(socket: net.Socket, greeted: boolean): Duplex {
  const ofGreeting = greeted ? firstConfirmation() : undefined;
  const incoming = new FrameFilter(
    (type, flags) => goaways(type, flags) || ofGreeting?.(type, flags) === true,
    PREFACE_BYTES,
  );
  const outgoing = new FrameFilter(goaways, 0);
  const stream = new Duplex({
    read: () => void socket.resume(),
    write: (chunk: Buffer, _encoding, done) => {
      const kept = outgoing.pass(chunk);
      if (kept.length === 0) done();
      else socket.write(kept, done);
    },
    final: (done) => void socket.end(done),
    destroy: (error, done) => {
      socket.destroy();
      done(error);
    },
  });
  socket.on("data", (chunk: Buffer) => {
    const kept = incoming.pass(chunk);
    if (kept.length > 0 && !stream.push(kept)) socket.pause();
  });
  socket.on("end", () => stream.push(null));
  socket.on("error", (error) => stream.destroy(error));
  socket.on("close", () => stream.destroy());
  return stream;
}
