import type { Any } from "../../../lib/proto/gen/google/protobuf/any.ts";
import * as sys from "../../native/sys.js";
import { Carrying } from "./carrying.ts";
import type { HostStream } from "./host_stream.ts";
import { bytesIn, grantMessage } from "./messages.ts";

/** As much as a FIFO takes before its reader comes. */
const FIRST_GRANT = 64 << 10;

/** Carries what containerd sends to a process, granting as much again as the process takes, until either of them ends it. */
export async function carryInput(
  stream: HostStream,
  incoming: AsyncIterator<Any>,
  send: (message: Any) => Promise<void>,
): Promise<void> {
  const carrying = new Carrying(stream);
  try {
    await send(grantMessage(FIRST_GRANT));
    for (;;) {
      let next: IteratorResult<Any> | undefined;
      let failure: unknown;
      await carrying.told((tell) =>
        void incoming.next().then((result) => next = result, (error) => failure = error).then(tell)
      );
      if (failure) throw failure;
      if (!next) return;
      if (next.done) break;
      const bytes = bytesIn(next.value);
      if (!bytes) continue;
      if (!await write(carrying, stream, bytes)) return;
      if (bytes.length > 0) await send(grantMessage(bytes.length));
    }
    stream.endInput();
  } finally {
    carrying.end();
  }
}

/** @returns false where the stream was closed */
async function write(carrying: Carrying, stream: HostStream, bytes: Uint8Array): Promise<boolean> {
  for (let at = 0; at < bytes.length;) {
    if (carrying.over) return false;
    const count = sys.write(stream.fd, bytes, at);
    if (count >= 0) at += count;
    else await carrying.ready(sys.EPOLL.OUT);
  }
  return true;
}
