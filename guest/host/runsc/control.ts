import { KuasarError } from "../../../lib/errors/mod.ts";
import * as sys from "../../native/sys.js";
import { sleep, within } from "../../runtime/deadline.ts";
import { parseAnswer } from "./answer.ts";

/**
 * A sandbox answers within milliseconds, unless it has been asked to wait. One that stands still is no matter for here: whoever calls
 * gives up before (`answer_times.ts`).
 */
const CALL_TIMEOUT_MS = 60_000;
/** The kernel does not tell when a socket's queue, which one that stands still does not empty, has room again. */
const RETRY_MS = 100;
const MAX_ANSWER_BYTES = 1 << 20;

/**
 * The control socket of gVisor's sandbox: what `runsc wait`, `kill` and `events` themselves talk to.
 *
 * Asked directly, a sandbox answers in well under a millisecond, and no process of 7 MB has to wait for each container; a
 * program start per call costs 20 to 30 ms. The protocol (one JSON object each way) is runsc's own business, so
 * every call has the command line as its second way (see {@link UnknownCall}).
 */
export class Control {
  readonly #path: string;

  /** @param path as the driver tells it: `<root>/runsc-<first container>.sock` */
  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Calls a method of the sandbox.
   *
   * @param timeoutMs 0 waits as long as the sandbox lives
   * @throws UnknownCall where this runsc has no such call; KuasarError UNAVAILABLE where the sandbox does not answer,
   *   NOT_FOUND, INTERNAL with what it says
   */
  async call(method: string, arg: unknown, timeoutMs = CALL_TIMEOUT_MS): Promise<unknown> {
    const fd = await this.#connect(timeoutMs);
    try {
      sys.write(fd, sys.utf8Encode(JSON.stringify({ method: `containerManager.${method}`, arg })));
      const answer = readAnswer(fd);
      return await (timeoutMs === 0
        ? answer
        : within(timeoutMs, `get the sandbox's answer to ${method}`, answer));
    } finally {
      sys.close(fd);
    }
  }

  async #connect(timeoutMs: number): Promise<number> {
    const end = timeoutMs === 0 ? Infinity : sys.nowMs() + timeoutMs;
    for (;;) {
      try {
        return sys.connectUnix(this.#path);
      } catch (error) {
        if ((error as sys.SysError).errno !== sys.E.AGAIN || sys.nowMs() > end) {
          throw new KuasarError("UNAVAILABLE", `Cannot reach the sandbox: ${(error as Error).message}`, {
            cause: error,
          });
        }
      }
      await sleep(RETRY_MS);
    }
  }
}

/** A sandbox that ends with a question unread resets the connection. */
function readFrom(fd: number, chunk: Uint8Array): number {
  try {
    return sys.read(fd, chunk);
  } catch (error) {
    const why = (error as Error).message;
    throw new KuasarError("UNAVAILABLE", `Cannot hear the sandbox: ${why}`, { cause: error });
  }
}

/** Reads until what has come is a whole answer. */
function readAnswer(fd: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const chunk = new Uint8Array(16 * 1024);
    let text = new Uint8Array(0);
    const take = () => {
      const count = readFrom(fd, chunk);
      if (count < 0) return;
      if (count === 0) {
        throw new KuasarError("UNAVAILABLE", "Cannot hear the sandbox: it has closed the connection");
      }
      const longer = new Uint8Array(text.length + count);
      longer.set(text);
      longer.set(chunk.subarray(0, count), text.length);
      text = longer;
      if (text.length > MAX_ANSWER_BYTES) {
        throw new KuasarError(
          "INTERNAL",
          `Cannot hear the sandbox: it says more than ${MAX_ANSWER_BYTES} bytes`,
        );
      }
      const answer = parseAnswer(sys.utf8Decode(text));
      if (answer) resolve(answer.result);
    };
    sys.watch(fd, sys.EPOLL.IN, () => {
      try {
        take();
      } catch (error) {
        sys.unwatch(fd);
        reject(error);
      }
    });
  });
}
