import { KuasarError } from "../../lib/errors/mod.ts";
import { HOST_CID, parseSecretLine, SECRET_LINE_BYTES } from "../../lib/vsock/mod.ts";
import * as sys from "../native/sys.js";
import { connectVsock } from "../runtime/connect.ts";
import { sleep, within } from "../runtime/deadline.ts";
import { FdStream } from "../runtime/fd_stream.ts";
import { log } from "../runtime/log.ts";
import { VERSION } from "../version.ts";

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

async function connect(port: number): Promise<number> {
  const begin = sys.nowMs();
  for (;;) {
    try {
      return await connectVsock(HOST_CID, port, CONNECT_TIMEOUT_MS);
    } catch (error) {
      // A refusal is an answer: nobody waits for us.
      const patienceMs = isTimeout(error) ? GIVE_UP_MS : isDeviceMissing(error) ? NO_DEVICE_MS : 0;
      if (sys.nowMs() - begin >= patienceMs) throw error;
    }
    await sleep(NO_DEVICE_RETRY_MS);
  }
}

/** Connects to the host and says READY. */
async function connectReady(port: number): Promise<FdStream> {
  const stream = new FdStream(await connect(port));
  try {
    const report = { version: VERSION, uptimeMs: Math.round(sys.nowMs()), kernel: sys.uname().release };
    await stream.write(sys.utf8Encode(`READY ${JSON.stringify(report)}\n`));
    return stream;
  } catch (error) {
    stream.close();
    throw error;
  }
}

/**
 * Tells the host that the guest serves, and takes its answer: the secret that the host will begin every connection with.
 *
 * @param port of the host; below 1024, so that nobody but its root can wait there
 * @throws KuasarError where the host does not wait, does not answer or answers something else
 */
export async function fetchSecret(port: number): Promise<string> {
  const stream = await connectReady(port);
  try {
    return await within(GIVE_UP_MS, "hear the host's secret", readSecret(stream));
  } finally {
    stream.close();
  }
}

async function readSecret(stream: FdStream): Promise<string> {
  let text = "";
  while (text.length < SECRET_LINE_BYTES) {
    const bytes = await stream.read();
    if (bytes === null) break;
    text += sys.utf8Decode(bytes);
  }
  const secret = parseSecretLine(text);
  if (secret === undefined) {
    throw new KuasarError("DATA_LOSS", "Cannot take the host's secret: it is malformed");
  }
  return secret;
}

/** Tells the host that the guest serves. A host that does not listen is none of ours to judge: it may just ask. */
export async function pushReadiness(): Promise<void> {
  try {
    const stream = await connectReady(READY_PORT);
    try {
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
