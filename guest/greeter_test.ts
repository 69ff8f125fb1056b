import { rejects, strictEqual } from "node:assert/strict";
import http2 from "node:http2";
import net from "node:net";
import { root } from "../lib/build/mod.ts";
import { grpcClient } from "../lib/grpc/mod.ts";
import { closeFd, eventFd, listenUnixFd } from "../lib/libc/mod.ts";
import { spawnWithFds, terminate } from "../lib/process/mod.ts";
import { NetworkDefinition } from "../lib/proto/gen/kuasar/network/v1/network.ts";
import { buildAgent } from "./build.ts";

const SERVER = `${root}/lib/grpc/testdata/list_server.ts`;

/** Runs a service under the greeter that loads only when `load` is called. */
async function withService(
  run: (path: string, load: () => void) => Promise<void>,
  command: readonly string[] = [Deno.execPath(), "run", "-A", SERVER],
): Promise<void> {
  const directory = Deno.makeTempDirSync();
  const [path, gate] = [`${directory}/s.sock`, `${directory}/gate`];
  const listener = listenUnixFd(path);
  const other = eventFd();
  // Opening a FIFO waits for the other end.
  await new Deno.Command("mkfifo", { args: [gate] }).output();
  const script = 'LISTEN_PID=$$ exec "$@"';
  const late = ["/bin/sh", "-c", ': < "$0"; exec "$@"', gate, ...command, path];
  const args = ["-c", script, "sh", await buildAgent(), "kuasar-greeter", "list", ...late];
  const env = { ...Deno.env.toObject(), LISTEN_FDS: "2", LISTEN_FDNAMES: "other:list" };
  const { ref } = await spawnWithFds("/bin/sh", args, { fds: [other, listener], env });
  // Open until the end, as the service may not have come to the gate yet.
  let opened: Deno.FsFile | undefined;
  const load = () => void (opened = Deno.openSync(gate, { write: true, read: true }));
  try {
    await run(path, load);
  } finally {
    await terminate(ref, { graceMs: 0 });
    opened?.close();
    closeFd(listener);
    closeFd(other);
    Deno.removeSync(directory, { recursive: true });
  }
}

/** A client that has got the first frame of a server. */
async function greetedClient(path: string): Promise<http2.ClientHttp2Session> {
  const session = http2.connect("http://localhost", { createConnection: () => net.connect(path) });
  await new Promise((resolve, reject) => session.once("remoteSettings", resolve).once("error", reject));
  return session;
}

function list(session: http2.ClientHttp2Session): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = session.request({
      ":method": "POST",
      ":path": `/${NetworkDefinition.fullName}/List`,
      "content-type": "application/grpc",
      "te": "trailers",
    });
    request.on("trailers", (trailers) => resolve(String(trailers["grpc-status"])));
    request.on("error", reject);
    request.on("end", () => reject(new Error("The call has ended without a status")));
    request.resume();
    request.end(new Uint8Array(5));
  });
}

Deno.test("clients are greeted before the service is loaded, and answered when it is", async () => {
  await withService(async (path, load) => {
    const [one, other] = await Promise.all([greetedClient(path), greetedClient(path)]);
    const early = [list(one), list(one), list(other)];
    load();
    for (const status of await Promise.all(early)) strictEqual(status, "0");
    strictEqual(await list(one), "0", "the connection goes on");
    const later = grpcClient(NetworkDefinition, path);
    strictEqual((await later.list({})).sandboxIds.length, 0, "the service accepts by itself");
    later.close();
    one.destroy();
    other.destroy();
  });
});

Deno.test("a greeted client learns of the end of a service that fails to load", async () => {
  await withService(async (path, load) => {
    const session = await greetedClient(path);
    const call = list(session);
    load();
    await rejects(call);
    session.destroy();
  }, ["false"]);
});
