import { KuasarError } from "../../lib/errors/mod.ts";
import * as sys from "../native/sys.js";
import { connectVsock } from "../runtime/connect.ts";
import { sleep, within } from "../runtime/deadline.ts";
import { FdStream } from "../runtime/fd_stream.ts";
import { log } from "../runtime/log.ts";
import { VERSION } from "../version.ts";

/** The host. */
const HOST_CID = 2;
/** Where a driver listens for readiness. */
const READY_PORT = 1027;
/** A host with much to do may lose an attempt; the next one is a new chance. */
const CONNECT_TIMEOUT_MS = 2000;
/** A driver has given up on the guest by then: the longest `boot_timeout`. */
const GIVE_UP_MS = 3_600_000;
/** A device that is not there by then will not come. */
const NO_DEVICE_MS = 60_000;
/** The host may close at once or keep the connection; we do not keep it longer than this. */
const LINGER_MS = 5000;
/** A vsock device that is plugged in after boot, as with a template, appears some time later. */
const NO_DEVICE_RETRY_MS = 20;

/** True while the guest has no vsock device. */
function isDeviceMissing(error: unknown): boolean {
  const errno = (error as sys.SysError).errno;
  return errno === sys.E.NODEV || errno === sys.E.NETDOWN;
}

function isTimeout(error: unknown): boolean {
  return error instanceof KuasarError && error.code === "DEADLINE_EXCEEDED";
}

async function connect(): Promise<number> {
  const begin = sys.nowMs();
  for (;;) {
    try {
      return await connectVsock(HOST_CID, READY_PORT, CONNECT_TIMEOUT_MS);
    } catch (error) {
      // A refusal is an answer: nobody waits for us.
      const patienceMs = isTimeout(error) ? GIVE_UP_MS : isDeviceMissing(error) ? NO_DEVICE_MS : 0;
      if (sys.nowMs() - begin >= patienceMs) throw error;
    }
    await sleep(NO_DEVICE_RETRY_MS);
  }
}

/** Tells the host that the guest serves. A host that does not listen is none of ours to judge: it may just ask. */
export async function pushReadiness(): Promise<void> {
  try {
    const stream = new FdStream(await connect());
    try {
      const report = { version: VERSION, uptimeMs: Math.round(sys.nowMs()), kernel: sys.uname().release };
      await stream.write(sys.utf8Encode(`READY ${JSON.stringify(report)}\n`));
      await within(LINGER_MS, "wait for the host", stream.read()).catch((error: unknown) => {
        if (!isTimeout(error)) throw error;
      });
    } finally {
      stream.close();
    }
  } catch (error) {
    log.info("host does not wait for readiness", { error });
  }
}
