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
const CONNECT_TIMEOUT_MS = 2000;
/** The host may close at once or keep the connection; we do not keep it longer than this. */
const LINGER_MS = 5000;
/** A vsock device that is plugged in after boot, as with a template, appears some time later. */
const NO_DEVICE_RETRY_MS = 20;
const NO_DEVICE_ATTEMPTS = 3000;

/** True while the guest has no vsock device. */
function isDeviceMissing(error: unknown): boolean {
  const errno = (error as sys.SysError).errno;
  return errno === sys.E.NODEV || errno === sys.E.NETDOWN;
}

async function connect(): Promise<number> {
  for (let attempt = 1;; attempt++) {
    try {
      return await connectVsock(HOST_CID, READY_PORT, CONNECT_TIMEOUT_MS);
    } catch (error) {
      if (!isDeviceMissing(error) || attempt >= NO_DEVICE_ATTEMPTS) throw error;
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
      await within(LINGER_MS, "wait for the host", stream.read());
    } finally {
      stream.close();
    }
  } catch (error) {
    if (error instanceof KuasarError && error.code === "DEADLINE_EXCEEDED") return;
    log.info("host does not wait for readiness", { error });
  }
}
