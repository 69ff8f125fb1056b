import { StreamingDefinition } from "../../../lib/proto/gen/containerd/services/streaming/v1/streaming.ts";
import { Any } from "../../../lib/proto/gen/google/protobuf/any.ts";
import type { CallContext, Handlers } from "../../../lib/ttrpc/mod.ts";
import type { HostStreams } from "./host_streams.ts";
import { carryInput } from "./input.ts";
import { OPENED, openingOf, resumedMessage } from "./messages.ts";
import { carryOutput } from "./output.ts";
import { checkStreamName, isInput } from "./stream_name.ts";

/** containerd's Streaming API for the stdio of processes (containerd: core/streaming, core/transfer/streaming). */
export function streamingHandlers(streams: HostStreams): Handlers<typeof StreamingDefinition> {
  return {
    stream: (incoming, send, context) => serve(streams, incoming, send, context),
  };
}

async function serve(
  streams: HostStreams,
  incoming: AsyncIterable<Any>,
  send: (message: Any) => Promise<void>,
  context: CallContext,
): Promise<void> {
  const messages = incoming[Symbol.asyncIterator]();
  const { value: first } = await messages.next();
  const { name, resumed } = openingOf(first);
  const stream = streams.open(checkStreamName(name));
  // containerd does not always end its side of what it has read, and closes no connection by itself.
  stream.onClose(() => context.letGo());
  context.remember(Any.encode(resumedMessage(name)).finish());
  try {
    if (!resumed) await send(OPENED);
    if (isInput(name)) await carryInput(stream, messages, send);
    else await carryOutput(stream, messages, send, resumed);
  } finally {
    streams.abandoned(stream);
  }
}
