import * as sys from "../native/sys.js";
import { log } from "./log.ts";

const INTERVAL_MS = 60_000;

/** For what somebody else can make happen as often as they like: at most one line in a minute, which says how often it did. */
export class SeldomLog {
  #times = 0;
  #nextMs = 0;

  /** Notes that it has happened, and writes the line where one is due. */
  warn(message: string, fields: Record<string, unknown> = {}): void {
    this.#times += 1;
    const now = sys.nowMs();
    if (now < this.#nextMs) return;
    this.#nextMs = now + INTERVAL_MS;
    log.warn(message, { ...fields, times: this.#times });
    this.#times = 0;
  }
}
