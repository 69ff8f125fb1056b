/** What the kernel says over rtnetlink, and addresses as people write them. */
import {
  decodeAddress,
  decodeAttributes,
  decodeFilter,
  decodeLink,
  decodeNeighbour,
  decodeRoute,
  encodeAttributes,
  formatIp,
  formatMac,
  nested,
  parseIp,
  parseMac,
  text,
  u32,
  vethRequest,
} from "../../../lib/netlink/mod.ts";
import { decodeAcknowledgement } from "../../../lib/netlink/acknowledgement.ts";
import { decodeMessages, encodeMessage } from "../../../lib/netlink/message.ts";
import { KuasarError } from "../../../lib/errors/mod.ts";
import { concat } from "../../../lib/ttrpc/testing/stream_pair.ts";
import { orRefusal } from "../refusals.ts";
import { must, mustBeSame, ofText, type Target, texts } from "../target.ts";

const LINK =
  vethRequest({ name: "eth0", mac: "02:00:00:00:00:01", mtu: 1400, peer: { name: "peer" } }).payload;
const ATTRIBUTES = encodeAttributes([
  text(3, "veth"),
  u32(4, 1500),
  nested(18, [text(1, "veth"), u32(2, 7)]),
]);

function checkMessages(input: Uint8Array): void {
  const decoders = [
    decodeAttributes,
    decodeLink,
    decodeAddress,
    decodeRoute,
    decodeNeighbour,
    decodeFilter,
    (payload: Uint8Array) => decodeAcknowledgement({ type: 2, flags: 0x300, sequence: 1, payload }),
    (bytes: Uint8Array) => {
      const messages = decodeMessages(bytes);
      const held = messages.reduce((sum, { payload }) => sum + payload.length + 16, 0);
      must(held <= bytes.length + 3 * messages.length, "more messages than bytes");
    },
  ];
  for (const decode of decoders) {
    try {
      decode(input);
    } catch (error) {
      // RangeError: shorter than the fixed struct, which the kernel never sends.
      if (!(error instanceof KuasarError || error instanceof RangeError)) throw error;
    }
  }
}

/** An address that is taken has one way to be written, and that one is taken as the same. */
function checkAddress(address: string): void {
  for (const [parse, format] of [[parseIp, formatIp], [parseMac, formatMac]] as const) {
    const bytes = orRefusal(() => parse(address), ["INVALID_ARGUMENT"]);
    if (bytes) mustBeSame([...parse(format(bytes))], [...bytes], address);
  }
}

export const NETLINK_TARGETS: readonly Target[] = [
  {
    name: "netlink",
    samples: [
      LINK,
      ATTRIBUTES,
      concat([16, 17].map((type) => encodeMessage({ type, flags: 2, sequence: 9, payload: LINK }))),
    ],
    check: checkMessages,
  },
  {
    name: "addresses",
    samples: texts("10.0.0.1", "fd00::1", "::ffff:10.0.0.1", "2001:db8:0:1:1:1:1:1", "02:00:00:00:00:01"),
    words: ["::", ":", ".", "ffff", "256", "%eth0", "0"],
    check: ofText(checkAddress),
  },
];
