import * as sys from "../sys.js";
import { equal, fails, test, until } from "./check.ts";

const timer = (ms: number) => new Promise<void>((resolve) => void sys.setTimer(resolve, ms));

test("timers fire in order of their time, then of their making", async () => {
  const order: string[] = [];
  sys.setTimer(() => order.push("b"), 20);
  sys.setTimer(() => order.push("a1"), 5);
  sys.setTimer(() => order.push("a2"), 5);
  sys.clearTimer(sys.setTimer(() => order.push("never"), 10));
  sys.clearTimer(12345);
  await timer(40);
  equal(order, ["a1", "a2", "b"]);
});

test("a thousand timers, half of them cleared", async () => {
  let fired = 0;
  const ids: number[] = [];
  for (let i = 0; i < 1000; i++) ids.push(sys.setTimer(() => fired++, (i * 7919) % 20));
  for (let i = 0; i < 1000; i += 2) sys.clearTimer(ids[i]!);
  await timer(60);
  equal(fired, 500);
});

test("a watcher hears of data and of the end", async () => {
  const { read, write } = sys.pipe();
  const seen: number[] = [];
  sys.watch(read, sys.EPOLL.IN, (events) => {
    seen.push(events);
    sys.read(read, new Uint8Array(10));
  });
  sys.write(write, Uint8Array.of(1));
  await until(() => seen.length === 1);
  equal(seen, [sys.EPOLL.IN]);
  sys.close(write);
  await until(() => seen.length > 1);
  equal(seen[1], sys.EPOLL.HUP);
  sys.unwatch(read);
  sys.unwatch(read);
  sys.close(read);
});

test("a callback may close its fd and others may take its number", async () => {
  const first = sys.pipe();
  const second = sys.pipe();
  let calls = 0;
  let reopened: ReturnType<typeof sys.pipe> | undefined;
  for (const { read, write } of [first, second]) {
    sys.write(write, Uint8Array.of(1));
    sys.watch(read, sys.EPOLL.IN, () => {
      calls++;
      // Both events come in one batch: the other's fd is closed and its number used for a new, silent pipe.
      const other = read === first.read ? second.read : first.read;
      sys.close(other);
      reopened = sys.pipe();
      sys.watch(reopened.read, sys.EPOLL.IN, () => calls += 100);
      sys.unwatch(read);
    });
  }
  await timer(20);
  equal(calls, 1);
  sys.close(reopened!.read);
  sys.close(reopened!.write);
  const rest = [first.write, second.write, first.read, second.read];
  for (const fd of rest) {
    try {
      sys.close(fd);
    } catch {
      // One of the two is closed already.
    }
  }
});

test("an exception in a callback is logged and the loop goes on", async () => {
  sys.setTimer(() => {
    throw new Error("on purpose");
  }, 0);
  void Promise.reject(new Error("on purpose, too"));
  await timer(5);
});

test("signals come over the loop", async () => {
  let seen = 0;
  sys.onSignal(sys.SIG.USR1, () => seen++);
  sys.kill(sys.getpid(), sys.SIG.USR1);
  await until(() => seen === 1);
  sys.onSignal(sys.SIG.USR1, () => seen += 10);
  sys.kill(sys.getpid(), sys.SIG.USR1);
  await until(() => seen === 11);
});

test("regular files cannot be watched", () => {
  const fd = sys.open("/etc/passwd", sys.O.RDONLY);
  fails("EPERM", () => sys.watch(fd, sys.EPOLL.IN, () => {}));
  sys.close(fd);
  fails("EBADF", () => sys.watch(9999, sys.EPOLL.IN, () => {}));
});

test("more fds than select could take", async () => {
  const pipes = Array.from({ length: 600 }, () => sys.pipe());
  let calls = 0;
  for (const { read } of pipes) {
    sys.watch(read, sys.EPOLL.IN, () => {
      calls++;
      sys.unwatch(read);
    });
  }
  for (const { write } of pipes) sys.write(write, Uint8Array.of(1));
  await until(() => calls === 600);
  for (const { read, write } of pipes) {
    sys.close(read);
    sys.close(write);
  }
});
