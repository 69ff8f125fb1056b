import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  AF,
  bindSocket,
  type Bytes,
  EPOLL,
  openSocket,
  openTapQueue,
  pollFd,
  readFd,
  receiveBytes,
  sendBytes,
  SOCK,
  withNetns,
  writeFd,
} from "../../lib/libc/mod.ts";
import { parseIp, parseMac } from "../../lib/netlink/mod.ts";
import { attach } from "./attach.ts";
import {
  attachRequest,
  linkNamed,
  NEEDS_ROOT,
  PEER_MAC,
  POD_MAC,
  withFds,
  withPod,
} from "./testing/fixture.ts";

/** struct virtio_net_hdr that a tap with IFF_VNET_HDR puts before each frame. */
const VNET_HEADER = 10;
const ETHERTYPE = { ARP: 0x0806, TEST: 0x88b5 };
const ARP_REQUEST = 1;
const DEADLINE_MS = 60_000;

function frame(target: string, source: string, ethertype: number, payload: Uint8Array): Bytes {
  const bytes = new Uint8Array(Math.max(60, 14 + payload.length));
  bytes.set(parseMac(target), 0);
  bytes.set(parseMac(source), 6);
  new DataView(bytes.buffer).setUint16(12, ethertype);
  bytes.set(payload, 14);
  return bytes;
}

function arpRequest(senderMac: string, senderIp: string, wantedIp: string): Bytes {
  const payload = new Uint8Array(28);
  payload.set([0, 1, 8, 0, 6, 4, 0, ARP_REQUEST]);
  payload.set(parseMac(senderMac), 8);
  payload.set(parseIp(senderIp), 14);
  payload.set(parseIp(wantedIp), 24);
  return frame("ff:ff:ff:ff:ff:ff", senderMac, ETHERTYPE.ARP, payload);
}

/** A socket that sends and receives whole frames on a link of a namespace. */
function packetSocket(netns: string, linkIndex: number): number {
  const ALL_PROTOCOLS = 0x0300;
  const fd = withNetns(netns, () => openSocket(AF.PACKET, SOCK.RAW, ALL_PROTOCOLS, { nonblocking: true }));
  const address = new Uint8Array(20);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF.PACKET, true);
  view.setUint16(2, ALL_PROTOCOLS, true);
  view.setInt32(4, linkIndex, true);
  bindSocket(fd, address);
  return fd;
}

/** Reads frames until one is of the type; returns all of them. */
function framesUntil(
  fd: number,
  ethertype: number,
  read: (bytes: Bytes) => number,
  skip: number,
): Uint8Array[] {
  const frames: Uint8Array[] = [];
  const buffer = new Uint8Array(4096);
  while (pollFd(fd, EPOLL.IN, DEADLINE_MS)) {
    const one = buffer.slice(skip, read(buffer));
    frames.push(one);
    if (typeOf(one) === ethertype) return frames;
  }
  throw new Error(`no frame of type ${ethertype.toString(16)} came`);
}

const typeOf = (bytes: Uint8Array) => (bytes[12]! << 8) | bytes[13]!;

Deno.test(
  "frames pass between the guest's tap and the pod's peer, and the host's stack stays silent",
  NEEDS_ROOT,
  withPod(async (fixture) => {
    const { pod, peer, inPeer, state, log } = fixture;
    const { nics } = await attach(state, attachRequest(pod), log);
    const tap = withNetns(pod, () => openTapQueue(nics[0]!.tap, false));
    const wire = packetSocket(peer, linkNamed(inPeer, "peer0").index);
    await withFds([tap, wire], () => {
      const fromWire = (ethertype: number) =>
        framesUntil(wire, ethertype, (buffer) => receiveBytes(wire, buffer), 0);
      const fromTap = (ethertype: number) =>
        framesUntil(tap, ethertype, (buffer) => readFd(tap, buffer), VNET_HEADER);

      const asked = arpRequest(PEER_MAC, "10.9.0.1", "10.9.0.2");
      sendBytes(wire, asked);
      deepStrictEqual(fromTap(ETHERTYPE.ARP).at(-1), asked, "the guest is asked for the pod's address");

      const answer = frame(PEER_MAC, POD_MAC, ETHERTYPE.TEST, new TextEncoder().encode("from the guest"));
      const withHeader = new Uint8Array(VNET_HEADER + answer.length);
      withHeader.set(answer, VNET_HEADER);
      strictEqual(writeFd(tap, withHeader), withHeader.length);
      const seen = fromWire(ETHERTYPE.TEST);
      deepStrictEqual(seen.at(-1), answer, "the peer gets the guest's frame as it was");
      // Had the host's stack seen the request, its answer would be on the wire before the guest's frame.
      const ARP_REPLY = 2;
      ok(
        !seen.some((one) => typeOf(one) === ETHERTYPE.ARP && one[21] === ARP_REPLY),
        "only the guest may answer",
      );
    });
  }),
);
