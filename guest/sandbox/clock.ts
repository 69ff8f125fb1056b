import type { SyncClockPacket } from "../../lib/proto/gen/grpc/sandbox.ts";
import * as sys from "../native/sys.js";

/** One exchange of Kuasar's clock protocol: tells our times, or moves the clock when the host sends a difference. */
export function syncClock(packet: SyncClockPacket): SyncClockPacket {
  const arrived = sys.clockGettime(sys.CLOCK.REALTIME);
  if (packet.Delta !== 0n) sys.clockSettime(sys.CLOCK.REALTIME, arrived + packet.Delta);
  return { ...packet, ClientArriveTime: arrived, ServerSendTime: sys.clockGettime(sys.CLOCK.REALTIME) };
}
