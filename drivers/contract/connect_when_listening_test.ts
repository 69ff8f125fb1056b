import { rejects } from "node:assert/strict";
import { closeFd, listenUnixFd } from "../../lib/libc/mod.ts";
import { connectWhenListening } from "./connect_when_listening.ts";

Deno.test("a socket is connected to as soon as somebody listens, not when its file is there", async () => {
  const dir = await Deno.makeTempDir();
  const path = `${dir}/s`;
  let fd: number | undefined;
  try {
    await rejects(connectWhenListening(path, 5), { code: "DEADLINE_EXCEEDED" });
    // What a listener leaves behind when it is killed looks like one that is about to listen.
    closeFd(listenUnixFd(path));
    await rejects(connectWhenListening(path, 5), { code: "DEADLINE_EXCEEDED" });
    const abort = new AbortController();
    const ended = rejects(connectWhenListening(path, 60_000, abort.signal), { code: "CANCELLED" });
    abort.abort();
    await ended;
    const connected = connectWhenListening(path, 60_000);
    await new Promise((resolve) => setTimeout(resolve, 5));
    fd = listenUnixFd(path);
    (await connected).close();
  } finally {
    if (fd !== undefined) closeFd(fd);
    await Deno.remove(dir, { recursive: true });
  }
});
