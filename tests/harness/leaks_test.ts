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
  const before = { ...NOTHING, mounts: ["/a"], fds: ["sandboxer: socket x 2"] };
  const after = { ...NOTHING, mounts: ["/b"], fds: ["sandboxer: socket x 3"] };
  deepStrictEqual(difference(before, after), [
    "+ mounts: /b",
    "- mounts: /a",
    "+ fds: sandboxer: socket x 3, before x 2",
  ]);
});

Deno.test("files of a service that were not open before are named, and fewer of them are no leak", () => {
  const before = { ...NOTHING, fds: ["sandboxer: socket x 12", "network: pipe x 1"] };
  const after = { ...NOTHING, fds: ["sandboxer: socket x 11", "network: /a b x 2"] };
  deepStrictEqual(difference(before, after), ["+ fds: network: /a b x 2, before x 0"]);
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

Deno.test("a link that somebody else took away is no leak", () => {
  const [before, after] = [{ ...NOTHING, links: ["lo", "veth1"] }, { ...NOTHING, links: ["lo", "veth2"] }];
  deepStrictEqual(difference(before, after), ["+ links: veth2"]);
});
