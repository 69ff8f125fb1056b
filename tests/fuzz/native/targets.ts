/** Parsers in C, and those that need descriptors. They run under the sanitizers, in the agent's engine. */
import { readLine } from "../../../guest/host/dial.ts";
import { HostGate } from "../../../guest/gate/host_gate.ts";
import * as sys from "../../../guest/native/sys.js";
import { KuasarError } from "../../../lib/errors/mod.ts";
import { HOST_CID, secretLine } from "../../../lib/vsock/mod.ts";
import { must, mustBeSame, type Target, texts } from "../target.ts";
import * as fuzz from "./fuzz.js";
import { checkRelay, turn } from "./relay.ts";

const SECRET = "a1".repeat(32);

/** Refused where it is no UTF-8, and only there; else it comes back as it was. */
function checkText(input: Uint8Array): void {
  const lenient = sys.utf8Decode(input);
  const encoded = sys.utf8Encode(lenient);
  const isRight = encoded.length === input.length && encoded.every((byte, index) => byte === input[index]);
  let taken = true;
  try {
    must(sys.utf8Decode(input, true) === lenient, "two readings of one text");
  } catch (error) {
    if ((error as { code?: string }).code !== "EILSEQ") throw error;
    taken = false;
  }
  must(taken === isRight, "a text is taken and changed, or refused and right");
  must(sys.utf8Decode(encoded, true) === lenient, "what was encoded is not UTF-8");
  // Any code units, halves of pairs too.
  const units = String.fromCharCode(
    ...input.subarray(0, 200).map((byte) => byte),
    0xd800 + input.length % 0x800,
  );
  sys.utf8Decode(sys.utf8Encode(units), true);
}

/** Reads and writes with any offset and length stay within their buffer, or are refused. */
function checkBuffers(input: Uint8Array): void {
  const view = new DataView(input.buffer, input.byteOffset, input.length);
  const { read, write } = sys.pipe();
  const [left, right] = sys.socketpair();
  const buffer = new Uint8Array(64);
  const calls: readonly ((offset: number, length: number) => unknown)[] = [
    (offset, length) => sys.write(write, buffer, offset, length),
    (offset, length) => sys.read(read, buffer, offset, length),
    (offset, length) => sys.send(left, buffer.subarray(offset, offset + length)),
    (_, length) => sys.recv(right, length),
    (_, length) => sys.recv(right, length, true),
    (_, length) => sys.recvFds(right, length),
    (offset, length) => sys.sendFds(left, buffer, [offset, length]),
  ];
  for (let at = 0; at + 9 <= input.length; at += 9) {
    const call = calls[input[at]! % calls.length]!;
    try {
      const result = call(view.getInt32(at + 1), view.getInt32(at + 5)) as { fds?: number[] } | null;
      for (const fd of result?.fds ?? []) sys.close(fd);
    } catch (error) {
      const { name } = error as Error;
      must(["SysError", "TypeError", "RangeError"].includes(name), String(error));
    }
  }
  for (let more; (more = sys.recvFds(right)) && more.data.length > 0;) {
    more.fds.forEach((fd) => sys.close(fd));
  }
  for (const fd of [read, write, left, right]) sys.close(fd);
}

/** One for all: each logs its first refusal. */
const gate = new HostGate(true);
gate.expect(SECRET);

/** Nobody gets in without the secret, however it is said; who has said it gets what is behind it. */
async function checkGate(input: Uint8Array): Promise<void> {
  const [peer, gates] = sys.socketpair();
  let admitted = -1;
  sys.write(peer, input);
  sys.shutdown(peer, sys.SHUT.WR);
  gate.take({ fd: gates, cid: HOST_CID }, (fd) => admitted = fd);
  await turn();
  const line = sys.utf8Encode(secretLine(SECRET));
  const isRight = line.every((byte, index) => input[index] === byte);
  must((admitted >= 0) === isRight, "let in without the secret, or kept out with it");
  if (admitted >= 0) {
    const rest = new Uint8Array(4096);
    mustBeSame(sys.read(admitted, rest), input.length - line.length, "what is behind the secret");
    sys.close(admitted);
  }
  sys.close(peer);
}

/** A line is read to its end and no further. */
async function checkHandshake(input: Uint8Array): Promise<void> {
  const [peer, own] = sys.socketpair();
  sys.write(peer, input);
  sys.shutdown(peer, sys.SHUT.WR);
  const end = input.indexOf(10);
  try {
    await readLine(own);
    must(end >= 0 && end < 256, "a line without an end");
    if (end + 1 < input.length) {
      const next = new Uint8Array(1);
      sys.read(own, next);
      mustBeSame(next[0], input[end + 1], "what is behind the line");
    }
  } catch (error) {
    if (!(error instanceof KuasarError)) throw error;
    must(end < 0 || end >= 256, error.message);
  }
  sys.close(peer);
  sys.close(own);
}

const packet = (fds: number, text: string) => String.fromCharCode(fds, Math.ceil(text.length / 3)) + text;

export const NATIVE_TARGETS: readonly Target[] = [
  {
    name: "text",
    samples: texts("plain", "é€😀\u{10ffff}", "a\0b\ufeff"),
    words: ["\ufffd", "\ud7ff", "\ue000"],
    check: checkText,
  },
  {
    name: "buffers",
    samples: [new Uint8Array(90), Uint8Array.from({ length: 90 }, (_, i) => i)],
    check: checkBuffers,
  },
  { name: "relay", samples: [Uint8Array.from({ length: 40 }, (_, i) => i * 7)], check: checkRelay },
  {
    name: "gate",
    samples: texts(secretLine(SECRET), `${secretLine(SECRET)}STREAM c1 - stdout\n`),
    check: checkGate,
  },
  {
    name: "handshake",
    samples: texts("OK 1073741824\n", "OK\nREST", `${"x".repeat(255)}\n`),
    words: ["\n", "\r", "\0"],
    check: checkHandshake,
  },
  {
    name: "keeper",
    samples: texts(
      packet(1, "KEEP c1-stdout") + packet(1, "KEEP c1") + packet(0, "DROP c1") + packet(0, "DONE 7 123"),
      packet(2, "KEEP a b") + packet(0, "DROP a") + packet(3, "KEEP a") + packet(1, "KEEP a"),
    ),
    words: ["KEEP ", "DROP ", "DONE ", " ", "\0", packet(1, "KEEP x")],
    check: (input) => fuzz.keeperHears(input),
  },
  {
    name: "keeper-stat",
    samples: texts("7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 1 0 12345 1000 50 1844"),
    words: [")", "(", " ", "99999999999999999999"],
    check: (input) => void fuzz.keeperReads(input),
  },
  {
    name: "greeter",
    samples: texts("2\0\0sandboxer:prepare", "3\x001\0a:sandboxer", "1"),
    words: ["\0", ":", "sandboxer", "-1", "99999999999", "2147483647"],
    check: (input) => {
      const fd = fuzz.greeterFinds(input);
      must(fd === -1 || fd >= 3, `descriptor ${fd}`);
    },
  },
];
