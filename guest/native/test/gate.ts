import { HOST_CID, secretLine } from "../../../lib/vsock/mod.ts";
import { dialGuest, readLine } from "../../host/dial.ts";
import { HostGate } from "../../gate/host_gate.ts";
import * as sys from "../sys.js";
import { directory, equal, test, until } from "./check.ts";

const SECRET = "a1".repeat(32);

/** A peer of a gate: its own end, whether the gate has let it in, and what is left to be read of it. */
class Peer {
  readonly fd: number;
  admitted = -1;
  readonly #gates: number;

  constructor(gate: HostGate, cid = HOST_CID) {
    [this.fd, this.#gates] = sys.socketpair();
    gate.take({ fd: this.#gates, cid }, (fd) => this.admitted = fd);
  }

  say(text: string): void {
    sys.write(this.fd, sys.utf8Encode(text));
  }

  /** True once the gate has closed its end. */
  get closed(): boolean {
    try {
      return sys.recv(this.fd, 1, true)?.length === 0;
    } catch {
      return true;
    }
  }

  end(): void {
    sys.close(this.fd);
    if (this.admitted >= 0) sys.close(this.admitted);
  }
}

function readAll(fd: number): string {
  const buffer = new Uint8Array(256);
  return sys.utf8Decode(buffer.subarray(0, Math.max(0, sys.read(fd, buffer))));
}

test("gate: whoever is not the host is closed at once, secret or not", () => {
  for (const gate of [new HostGate(false), new HostGate(true)]) {
    // The loopback, this guest, another guest.
    const peers = [1, 3, 0xffff_fff0].map((cid) => new Peer(gate, cid));
    for (const peer of peers) {
      equal([peer.closed, peer.admitted], [true, -1]);
      peer.end();
    }
    equal(gate.refused, 3);
  }
});

test("gate: the host is let in where no secret is wanted", () => {
  const gate = new HostGate(false);
  const peer = new Peer(gate);
  equal(peer.admitted >= 0, true);
  equal(gate.refused, 0);
  peer.end();
});

test("gate: the secret comes off the connection and nothing behind it", async () => {
  const gate = new HostGate(true);
  gate.expect(SECRET);
  const peer = new Peer(gate);
  const line = secretLine(SECRET);
  peer.say(line.slice(0, 20));
  peer.say(`${line.slice(20)}STREAM c1 - stdout\n`);
  await until(() => peer.admitted >= 0);
  equal(readAll(peer.admitted), "STREAM c1 - stdout\n");
  peer.end();
});

test("gate: nobody is let in without the secret", async () => {
  const gate = new HostGate(true);
  gate.expect(SECRET);
  for (const text of [secretLine("b2".repeat(32)), `${"x".repeat(200)}`, secretLine(SECRET).toUpperCase()]) {
    const peer = new Peer(gate);
    peer.say(text);
    await until(() => peer.closed);
    equal(peer.admitted, -1);
    peer.end();
  }
  const silent = new Peer(gate);
  sys.shutdown(silent.fd, sys.SHUT.WR);
  await until(() => silent.closed);
  silent.end();
  equal(gate.refused, 4);
});

test("gate: who knows the secret before the guest does waits for it", async () => {
  const gate = new HostGate(true);
  const [host, other] = [new Peer(gate), new Peer(gate)];
  host.say(secretLine(SECRET));
  other.say(secretLine("0".repeat(64)));
  // A turn of the loop, in which both are heard.
  await new Promise<void>((resolve) => void sys.setTimer(resolve, 20));
  equal([host.admitted, other.admitted, host.closed, other.closed], [-1, -1, false, false]);
  gate.expect(SECRET);
  equal([host.admitted >= 0, other.admitted, other.closed], [true, -1, true]);
  host.end();
  other.end();
});

test("gate: peers that keep silent do not keep the host out", async () => {
  const gate = new HostGate(true);
  gate.expect(SECRET);
  const silent = Array.from({ length: 200 }, () => new Peer(gate));
  equal(gate.refused, 200 - 32);
  const host = new Peer(gate);
  host.say(secretLine(SECRET));
  await until(() => host.admitted >= 0);
  host.end();
  for (const peer of silent.slice(-31)) sys.shutdown(peer.fd, sys.SHUT.WR);
  await until(() => silent.every((peer) => peer.closed));
  for (const peer of silent) peer.end();
});

test("gate: the task server says the secret before anything else", async () => {
  const path = `${directory}/vm.vsock`;
  const listener = sys.listenUnix(path);
  for (const [secret, want] of [[SECRET, secretLine(SECRET)], ["", ""]] as const) {
    const dialing = dialGuest({ kind: { $case: "hybridPath", value: path }, secret }, 1024, 5_000);
    let device = -1;
    await until(() => (device = sys.accept(listener)?.fd ?? -1) >= 0);
    equal(await readLine(device), "CONNECT 1024");
    sys.write(device, sys.utf8Encode("OK 1\n"));
    const fd = await dialing;
    sys.write(fd, sys.utf8Encode("GO"));
    equal(readAll(device), `${want}GO`);
    sys.close(fd);
    sys.close(device);
  }
  sys.close(listener);
});
