import * as sys from "../../../guest/native/sys.js";
import { must, mustBeSame } from "../target.ts";

interface Ends {
  /** What is written here comes out there. */
  input: number;
  output: number;
}

function pipeEnds(): Ends {
  const { read, write } = sys.pipe();
  return { input: write, output: read };
}

function socketEnds(): Ends {
  const [input, output] = sys.socketpair();
  return { input, output };
}

/** Always readable. A timer would wait for a millisecond. */
const ready = sys.eventfd();
sys.write(ready, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0));

/** A turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    sys.watch(ready, sys.EPOLL.IN, () => {
      sys.unwatch(ready);
      resolve();
    });
  });
}

const DATA = Uint8Array.from({ length: 200_000 }, (_, index) => (index * 31 + (index >> 8)) & 255);

/**
 * Writes, reads, waits, closes and cancels around a relay in the order that the bytes say. However it ends, what came out is the
 * beginning of what went in, and nothing is lost where both ends were there.
 */
export async function checkRelay(input: Uint8Array): Promise<void> {
  const [kinds = 0, ...steps] = input.subarray(0, 40);
  const from = kinds & 1 ? pipeEnds() : socketEnds();
  const to = kinds & 2 ? pipeEnds() : socketEnds();
  let end: sys.RelayEnd | undefined;
  const id = sys.relay(from.output, to.input, (result) => end = result);
  const open = new Set([from.input, from.output, to.input, to.output]);
  const close = (fd: number) => void (open.delete(fd) && sys.close(fd));
  const buffer = new Uint8Array(65536);
  let written = 0, read = 0, undelivered = 0, cancelled = false;
  const take = (length: number) => {
    if (!open.has(to.output)) return 0;
    const count = sys.read(to.output, buffer, 0, length);
    for (let index = 0; index < count; index++) {
      if (buffer[index] !== DATA[read + index]) {
        mustBeSame(buffer[index], DATA[read + index], `byte ${read + index}`);
      }
    }
    read += Math.max(0, count);
    return count;
  };
  for (const step of steps) {
    // A few are larger than what a relay moves at once.
    const amount = 1 + (step >> 3) * (step === 249 ? 2000 : 20);
    switch (step & 7) {
      case 0:
      case 1:
        if (open.has(from.input) && written + amount <= DATA.length) {
          written += Math.max(0, sys.write(from.input, DATA, written, amount));
        }
        break;
      case 2:
        take(amount);
        break;
      case 6:
        if (step > 220) close(step & 8 ? from.input : to.output);
        break;
      case 7:
        if (step > 240 && end === undefined) {
          undelivered = sys.cancelRelay(id).length;
          cancelled = true;
        }
        break;
      default:
        await turn();
    }
  }
  const whole = open.has(to.output) && !cancelled;
  close(from.input);
  // Nothing is left to be moved when the relay has ended and the sink is empty.
  for (let quiet = 0; quiet < 2 && !cancelled;) {
    await turn();
    quiet = take(buffer.length) > 0 || (end === undefined && open.has(to.output)) ? 0 : quiet + 1;
  }
  while (cancelled && take(buffer.length) > 0);
  if (cancelled) must(read + undelivered <= written, "more has come out than went in");
  if (whole) mustBeSame([end?.reason, read], ["eof", written], "the end");
  for (const fd of open) sys.close(fd);
}
