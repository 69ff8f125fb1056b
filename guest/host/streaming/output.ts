import type { Any } from "../../../lib/proto/gen/google/protobuf/any.ts";
import * as sys from "../../native/sys.js";
import { Carrying } from "./carrying.ts";
import type { HostStream } from "./host_stream.ts";
import { dataMessage, grantIn } from "./messages.ts";

/**
 * Small enough that a frame is one write to the connection, whose buffer has room for all that containerd may have been granted:
 * no frame is left in pieces by a server that is killed.
 */
const CHUNK_BYTES = 15 << 10;

/** What containerd grants at first. More than granted is taken too: the grant of a stream that goes on is not known. */
const FIRST_GRANT = 64 << 10;

/** Carries what a process writes, as far as containerd grants it, until the process's end is closed or containerd goes. */
export async function carryOutput(
  stream: HostStream,
  incoming: AsyncIterator<Any>,
  send: (message: Any) => Promise<void>,
  resumed: boolean,
): Promise<void> {
  const carrying = new Carrying(stream);
  let granted = resumed ? FIRST_GRANT : 0;
  let onGrant = () => {};
  const takeGrants = async () => {
    for (let next = await incoming.next(); !next.done; next = await incoming.next()) {
      granted += grantIn(next.value);
      onGrant();
    }
  };
  // Grants come while there is nothing to read; where they end, nobody reads any more.
  const grants = takeGrants().finally(() => carrying.end());
  grants.catch(() => {});
  const buffer = new Uint8Array(CHUNK_BYTES);
  try {
    while (!carrying.over) {
      if (granted === 0) {
        await carrying.told((tell) => onGrant = tell);
        continue;
      }
      // A FIFO that nobody has opened yet reads as one that everybody has closed; only the kernel's event tells.
      if (!await carrying.ready(sys.EPOLL.IN)) return;
      const count = sys.read(stream.fd, buffer, 0, Math.min(granted, CHUNK_BYTES));
      if (count === 0) return;
      if (count < 0) continue;
      granted -= count;
      await send(dataMessage(buffer.subarray(0, count)));
    }
  } finally {
    carrying.end();
  }
}
