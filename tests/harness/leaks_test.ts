import { deepStrictEqual } from "node:assert/strict";
import { difference, type Snapshot, takeSnapshot } from "./leaks.ts";

const NOTHING: Snapshot = {
  processes: [],
  mounts: [],
  links: [],
  netns: [],
  sockets: [],
  cgroups: [],
  fds: [],
};

Deno.test("the difference names what is new and what is gone", () => {
  const before = { ...NOTHING, links: ["lo", "eth0"] };
  const after = { ...NOTHING, links: ["lo", "veth1"], fds: ["sandboxer: socket x 3"] };
  deepStrictEqual(difference(before, after), [
    "+ links: veth1",
    "- links: eth0",
    "+ fds: sandboxer: socket x 3",
  ]);
});

Deno.test("a snapshot sees a socket and a process of its run directory and nobody else's", async () => {
  const dir = await Deno.makeTempDir({ prefix: "kl-" });
  const listener = Deno.listen({ transport: "unix", path: `${dir}/a.sock` });
  const child = new Deno.Command("/bin/sh", { args: ["-c", `read x; : ${dir}`], stdin: "piped" }).spawn();
  try {
    const snapshot = takeSnapshot({ runDir: dir, resident: new Map(), counted: [] });
    deepStrictEqual(snapshot.sockets, [`${dir}/a.sock`]);
    deepStrictEqual(snapshot.processes, [`sh (pid ${child.pid})`]);
    deepStrictEqual(snapshot.mounts, []);
  } finally {
    await child.stdin.close();
    await child.status;
    listener.close();
    await Deno.remove(dir, { recursive: true });
  }
});
