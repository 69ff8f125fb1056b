import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import type { Acknowledgement } from "./acknowledgement.ts";
import { NetlinkExchange } from "./exchange.ts";
import { decodeMessages, encodeMessage, NLM, NLMSG } from "./message.ts";

const ENTRY = 16;

/** A kernel that gives each request the next of these answers. */
class Kernel extends NetlinkExchange {
  readonly #answers: { type: number; flags?: number; payload?: Uint8Array; stale?: boolean }[][];
  #sequence = 0;

  constructor(...answers: { type: number; flags?: number; payload?: Uint8Array; stale?: boolean }[][]) {
    super();
    this.#answers = answers;
  }

  protected override send(bytes: Uint8Array): void {
    this.#sequence = decodeMessages(bytes)[0]!.sequence;
  }

  protected override receive(): Uint8Array {
    const parts = this.#answers.shift()!.map(({ type, flags = 0, payload = new Uint8Array(), stale }) =>
      encodeMessage({ type, flags, sequence: stale ? this.#sequence - 1 : this.#sequence, payload })
    );
    return new Uint8Array(parts.flatMap((part) => [...part]));
  }

  protected override refusal({ errno }: Acknowledgement, action: string): Error {
    return new Error(`${action}: ${errno}`);
  }
}

const request = { type: 1, flags: 0, payload: new Uint8Array(), action: "look" };
const entry = (byte: number, flags = 0) => ({ type: ENTRY, flags, payload: new Uint8Array(4).fill(byte) });
const done = { type: NLMSG.DONE };
const errno = (value: number) => new Uint8Array(new Int32Array([-value]).buffer);

Deno.test("a list comes in parts, without what answers something else", () => {
  const kernel = new Kernel([{ ...entry(9), stale: true }, entry(1)], [entry(2), done]);
  deepStrictEqual(kernel.dump(request).map((payload) => payload[0]), [1, 2]);
});

Deno.test("a list that changes meanwhile is read again, but not for ever", () => {
  const changed = [entry(1, NLM.DUMP_INTERRUPTED), done];
  deepStrictEqual(new Kernel(changed, [entry(2), done]).dump(request).map(([byte]) => byte), [2]);
  throws(() => new Kernel(...Array(5).fill(changed)).dump(request), { code: "ABORTED" });
});

Deno.test("what the kernel refuses is thrown, an acknowledgement is not", () => {
  strictEqual(new Kernel([{ type: NLMSG.ERROR, payload: errno(0) }]).execute(request), undefined);
  throws(() => new Kernel([{ type: NLMSG.ERROR, payload: errno(17) }]).execute(request), /look: 17/);
  throws(() => new Kernel([{ type: NLMSG.DONE, payload: errno(1) }]).dump(request), /look: 1/);
});
