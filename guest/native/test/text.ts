import * as sys from "../sys.js";
import { equal, fails, test } from "./check.ts";

const bytes = (text: string) => [...sys.utf8Encode(text)];

test("text goes to UTF-8 and back", () => {
  for (const text of ["", "a", "é", "€", "😀", "a\0b", "\ufeffx"]) {
    equal(sys.utf8Decode(sys.utf8Encode(text)), text);
  }
  equal(bytes("€"), [0xe2, 0x82, 0xac]);
});

test("a lone surrogate becomes U+FFFD", () => {
  equal(bytes("\ud800"), [0xef, 0xbf, 0xbd]);
  equal(bytes("a\udfffb\ud7ff"), [0x61, 0xef, 0xbf, 0xbd, 0x62, 0xed, 0x9f, 0xbf]);
});

test("bad UTF-8 becomes U+FFFD as the encoding standard says", () => {
  const decode = (...input: number[]) => sys.utf8Decode(Uint8Array.from(input));
  equal(decode(0xff), "\ufffd");
  equal(decode(0x61, 0xe2, 0x82, 0x62), "a\ufffdb");
  equal(decode(0xc0, 0x80), "\ufffd\ufffd");
  equal(decode(0xed, 0xa0, 0x80), "\ufffd\ufffd\ufffd");
  equal(decode(0xf0, 0x9f, 0x98), "\ufffd");
  equal(decode(0xf4, 0x90, 0x80, 0x80), "\ufffd\ufffd\ufffd\ufffd");
  fails("EILSEQ", () => sys.utf8Decode(Uint8Array.of(0xff), true));
});

test("clocks, identity and memory answer", () => {
  const first = sys.clockGettime(sys.CLOCK.MONOTONIC);
  equal(sys.clockGettime(sys.CLOCK.MONOTONIC) >= first, true);
  equal(Math.abs(Number(sys.clockGettime(sys.CLOCK.REALTIME) / 1_000_000n) - Date.now()) < 1000, true);
  equal(sys.uname().sysname, "Linux");
  const random = new Uint8Array(64);
  sys.randomFill(random);
  equal(random.some((byte) => byte !== 0), true);
  sys.trimMemory();
  equal(sys.heapUsage().bytes > 0, true);
  fails("EINVAL", () => sys.addEntropy(new Uint8Array(513)));
});
