import * as sys from "../sys.js";
import { directory, equal, fails, test, until } from "./check.ts";

/** Bytes that show when one is lost, doubled or out of place. */
function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8)) & 255;
  return bytes;
}

/** Writes all of it as fast as the fd takes it, then calls `done`. */
function feed(fd: number, bytes: Uint8Array, done: () => void): void {
  let at = 0;
  const step = () => {
    while (at < bytes.length) {
      const n = sys.write(fd, bytes, at, Math.min(100_000, bytes.length - at));
      if (n < 0) return;
      at += n;
    }
    sys.unwatch(fd);
    done();
  };
  sys.watch(fd, sys.EPOLL.OUT, step);
}

/** Collects what comes until the end. */
function drain(fd: number): { bytes: Uint8Array; length: number; ended: boolean } {
  const state = { bytes: new Uint8Array(1 << 20), length: 0, ended: false };
  sys.watch(fd, sys.EPOLL.IN, () => {
    const n = sys.read(fd, state.bytes, state.length, Math.min(30_000, state.bytes.length - state.length));
    if (n > 0) state.length += n;
    if (n !== 0) return;
    state.ended = true;
    sys.unwatch(fd);
  });
  return state;
}

type Ends = [input: number, output: number];
const pipeEnds = (): Ends => {
  const { read, write } = sys.pipe();
  return [write, read];
};
const socketEnds = (): Ends => sys.socketpair();

/** input → [source ~ sink] → output, with half a megabyte and the end of file. */
async function through(from: () => Ends, to: () => Ends): Promise<void> {
  const [input, source] = from();
  const [sink, output] = to();
  const data = pattern(500_000);
  let end: sys.RelayEnd | undefined;
  sys.relay(source, sink, (result) => {
    end = result;
    sys.close(sink);
  });
  const got = drain(output);
  feed(input, data, () => sys.close(input));
  await until(() => end !== undefined && got.ended);
  equal([end!.reason, end!.bytes, end!.errno, end!.undelivered.length], ["eof", 500_000, 0, 0]);
  equal(got.length, 500_000);
  equal(got.bytes.subarray(0, got.length).every((byte, i) => byte === data[i]), true);
  sys.close(source);
  sys.close(output);
}

test("relay: pipe to pipe", () => through(pipeEnds, pipeEnds));
test("relay: pipe to socket", () => through(pipeEnds, socketEnds));
test("relay: socket to pipe", () => through(socketEnds, pipeEnds));
test("relay: socket to socket", () => through(socketEnds, socketEnds));

test("relay: a file is a source, /dev/null a sink", async () => {
  sys.writeFile(`${directory}/data`, pattern(300_000));
  const file = sys.open(`${directory}/data`, sys.O.RDONLY);
  const [sink, output] = socketEnds();
  let end: sys.RelayEnd | undefined;
  sys.relay(file, sink, (result) => end = result);
  const got = drain(output);
  await until(() => end !== undefined && got.ended);
  equal([end!.reason, got.length], ["eof", 300_000]);
  for (const fd of [file, sink, output]) sys.close(fd);

  const [input, source] = pipeEnds();
  const nothing = sys.open("/dev/null", sys.O.WRONLY);
  let done: sys.RelayEnd | undefined;
  sys.relay(source, nothing, (result) => done = result);
  feed(input, pattern(200_000), () => sys.close(input));
  await until(() => done !== undefined);
  equal([done!.reason, done!.bytes], ["eof", 200_000]);
  sys.close(source);
  sys.close(nothing);
});

test("relay: a terminal, in both directions", async () => {
  const { master, slave } = sys.openpty();
  sys.setRaw(slave);
  const [host, wire] = sys.socketpair();
  let output: sys.RelayEnd | undefined;
  sys.relay(master, wire, (result) => output = result);
  const input = sys.relay(wire, master, () => {});
  sys.write(host, sys.utf8Encode("typed"));
  const typed = new Uint8Array(10);
  await until(() => sys.relayBytes(input) === 5);
  equal(sys.read(slave, typed), 5);
  equal(sys.utf8Decode(typed.subarray(0, 5)), "typed");
  sys.write(slave, sys.utf8Encode("shown"));
  const got = drain(host);
  // The last slave's end is the end of file of the master.
  sys.close(slave);
  await until(() => output !== undefined && got.ended);
  equal([output!.reason, output!.bytes], ["eof", 5]);
  equal(sys.utf8Decode(got.bytes.subarray(0, got.length)), "shown");
  sys.cancelRelay(input);
  for (const fd of [master, host, wire]) sys.close(fd);
});

test("relay: the sink's end is told, also while nothing flows", async () => {
  for (const ends of [pipeEnds, socketEnds]) {
    const [input, source] = pipeEnds();
    const [sink, output] = ends();
    let end: sys.RelayEnd | undefined;
    sys.relay(source, sink, (result) => end = result);
    sys.close(output);
    await until(() => end !== undefined);
    equal([end!.reason, end!.errno], ["sink", sys.E.PIPE]);
    for (const fd of [input, source, sink]) sys.close(fd);
  }
});

test("relay: a sink whose peer has ended its own direction goes on", async () => {
  const [input, source] = pipeEnds();
  const [sink, output] = socketEnds();
  let end: sys.RelayEnd | undefined;
  const id = sys.relay(source, sink, (result) => end = result);
  sys.shutdown(output, sys.SHUT.WR);
  for (let sent = 1; sent <= 3; sent++) {
    await new Promise<void>((resolve) => void sys.setTimer(resolve, 5));
    sys.write(input, Uint8Array.of(sent));
    await until(() => sys.relayBytes(id) === sent);
  }
  sys.close(output);
  await until(() => end !== undefined);
  equal([end!.reason, end!.bytes], ["sink", 3]);
  for (const fd of [input, source, sink]) sys.close(fd);
});

test("relay: a full sink holds the source back, and a cancelled relay loses nothing", async () => {
  const [input, source] = socketEnds();
  const [sink, output] = socketEnds();
  const data = pattern(2_000_000);
  let taken = 0;
  const pump = () => {
    for (let n = sys.write(input, data, taken); n >= 0; n = sys.write(input, data, taken)) {
      taken += n;
      if (taken === data.length) return sys.unwatch(input);
    }
  };
  sys.watch(input, sys.EPOLL.OUT, pump);
  const id = sys.relay(source, sink, () => {
    throw new Error("must not end");
  });
  let before = -1;
  // Nobody reads: after a while nothing moves any more.
  while (before !== taken) {
    before = taken;
    await new Promise<void>((resolve) => void sys.setTimer(resolve, 20));
  }
  equal(taken < data.length, true);
  sys.unwatch(input);
  const delivered = sys.relayBytes(id);
  const rest = sys.cancelRelay(id);
  equal(sys.cancelRelay(id).length, 0);
  equal(sys.relayBytes(id), -1);
  const buffer = new Uint8Array(data.length);
  let read = 0;
  for (let n = sys.read(output, buffer, read); n > 0; n = sys.read(output, buffer, read)) read += n;
  equal(read, delivered);
  buffer.set(rest, read);
  read += rest.length;
  for (let n = sys.read(source, buffer, read); n > 0; n = sys.read(source, buffer, read)) read += n;
  equal(read, taken);
  equal(buffer.subarray(0, read).every((byte, i) => byte === data[i]), true);
  for (const fd of [input, source, sink, output]) sys.close(fd);
});

test("relay: closing an fd ends it silently; one fd has one relay a side", async () => {
  const [input, source] = pipeEnds();
  const [sink, output] = socketEnds();
  const id = sys.relay(source, sink, () => {
    throw new Error("must not end");
  });
  fails("EBUSY", () => sys.relay(source, sink, () => {}));
  fails("EBADF", () => sys.relay(9999, sink, () => {}));
  sys.close(source);
  equal(sys.relayBytes(id), -1);
  for (const fd of [input, sink, output]) sys.close(fd);
  await new Promise<void>((resolve) => void sys.setTimer(resolve, 5));
});

test("relay: a FIFO that is opened for both never ends", async () => {
  const path = `${directory}/stdout`;
  sys.mknod(path, sys.S.IFIFO | 0o600);
  const sink = sys.open(path, sys.O.RDWR | sys.O.NONBLOCK);
  const [input, source] = socketEnds();
  let ended = false;
  const id = sys.relay(source, sink, () => ended = true);
  for (let round = 0; round < 3; round++) {
    // A reader comes, reads and goes, as containerd does at a restart.
    const reader = sys.open(path, sys.O.RDONLY | sys.O.NONBLOCK);
    const sent = sys.relayBytes(id);
    sys.write(input, Uint8Array.of(round));
    await until(() => sys.relayBytes(id) === sent + 1);
    const byte = new Uint8Array(1);
    equal([sys.read(reader, byte), byte[0]], [1, round]);
    sys.close(reader);
  }
  equal(ended, false);
  for (const fd of [sink, input, source]) sys.close(fd);
});

test("relay: many at once, each whole", async () => {
  const all = Array.from({ length: 30 }, () => through(socketEnds, pipeEnds));
  await Promise.all(all);
});
