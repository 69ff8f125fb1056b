/** What VMMs, and guests through them, say to the drivers. */
import { EventStream } from "../../../drivers/cloud_hypervisor/event_stream.ts";
import { QmpLines } from "../../../drivers/contract/qmp/lines.ts";
import { parseReady } from "../../../drivers/contract/readiness.ts";
import { HttpResponses } from "../../../drivers/contract/rest/response.ts";
import { lastLines } from "../../../drivers/contract/tail.ts";
import { orRefusal } from "../refusals.ts";
import { must, mustBeSame, ofText, type Target, texts } from "../target.ts";

const CHUNK_BYTES = 7;

/** A reader that is fed with pieces finds what it finds in the whole. @returns what it finds */
function splitOrWhole<T>(
  input: Uint8Array,
  newReader: () => { push(chunk: Uint8Array): T[] },
  codes: readonly string[],
): void {
  const whole = orRefusal(() => newReader().push(input), codes);
  const reader = newReader();
  const found: T[] = [];
  const pieces = orRefusal(() => {
    for (let at = 0; at < input.length; at += CHUNK_BYTES) {
      found.push(...reader.push(input.subarray(at, at + CHUNK_BYTES)));
    }
    return found;
  }, codes);
  mustBeSame(pieces, whole, "pieces and the whole");
}

export const VMM_TARGETS: readonly Target[] = [
  {
    name: "qmp",
    samples: texts('{"QMP":{"version":{}}}\r\n{"return":{},"id":1}\r\n{"event":"STOP","data":{}}\n'),
    words: ["\r\n", "null", "[]", "{}", "\ufffd"],
    check: (input) => splitOrWhole(input, () => new QmpLines(), ["DATA_LOSS"]),
  },
  {
    name: "rest",
    samples: texts(
      "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 204 \r\nConnection: close\r\n\r\n",
      "HTTP/1.0 400 Bad Request\r\nContent-Length: 5\r\n\r\nwrong",
    ),
    words: ["\r\n\r\n", "Content-Length: 4194305\r\n", "Content-Length:", "HTTP/1.1 ", "-1"],
    check: (input) => splitOrWhole(input, () => new HttpResponses("a VMM"), ["DATA_LOSS"]),
  },
  {
    name: "vmm-events",
    samples: texts('{\n  "source": "vm",\n  "event": "booted",\n  "properties": {"a": "b"}\n}\n\n'),
    words: ["\n\n", "null", "[]", '"properties": null', "{}"],
    check: (input) => splitOrWhole(input, () => new EventStream(), []),
  },
  {
    name: "ready",
    samples: texts('READY {"version":"0.1.0","kernel":"6.12"}'),
    words: ["READY ", "{}", "null", "__proto__"],
    check: ofText((line) => {
      const report = orRefusal(() => parseReady(line), ["DATA_LOSS"]);
      must(report === undefined || typeof report === "object", "a report that is no object");
    }),
  },
  {
    name: "console",
    samples: texts("[    0.1] Linux\r\n\x1b[1;31mpanic\x1b[0m\r\n\x1b]0;title\x07end\n"),
    words: ["\x1b[", "\x1b]", "\x07", "\x9b", "\r", "\x1bP", "\x1b\\"],
    check: (input) => {
      const lines = lastLines(input, 5);
      must(lines.length <= 5, "more lines than were asked for");
      // deno-lint-ignore no-control-regex -- that is what must not be there
      must(!lines.some((line) => /[\x00-\x08\x0a-\x1f\x7f-\x9f]/.test(line)), "a control character is left");
    },
  },
];
