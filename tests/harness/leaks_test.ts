import { deepStrictEqual } from "node:assert/strict";
import { podSubnet } from "../../deploy/containerd/mod.ts";
import { hierarchies } from "../../lib/cgroups/mod.ts";
import { pinNewNetns, unpinNetns, withNetns } from "../../lib/libc/mod.ts";
import { NetlinkSocket } from "../../lib/netlink/deno_socket.ts";
import { addAddress, addVeth, listLinks } from "../../lib/netlink/mod.ts";
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
  // Of a run directory with a longer name.
  const beside = Deno.listen({ transport: "unix", path: `${dir}1.sock` });
  const child = new Deno.Command("/bin/sh", { args: ["-c", `read x; : ${dir}`], stdin: "piped" }).spawn();
  try {
    const snapshot = takeSnapshot({ runDir: dir, ids: new Set(), resident: new Map(), counted: [] });
    deepStrictEqual(snapshot.sockets, [`${dir}/a.sock`]);
    deepStrictEqual(snapshot.processes, [`sh (pid ${child.pid})`]);
    deepStrictEqual(snapshot.mounts, []);
  } finally {
    await child.stdin.close();
    await child.status;
    listener.close();
    beside.close();
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("what others have on the host is not in a snapshot, whenever it comes", {
  ignore: Deno.uid() !== 0,
}, async () => {
  const runDir = await Deno.makeTempDir({ prefix: "kl-" });
  const [ours, foreign] = ["c", "d"].map((letter) => letter.repeat(64)) as [string, string];
  const target = { runDir, ids: new Set([ours, "short"]), resident: new Map(), counted: [] };
  const root = hierarchies()[0]!.root;
  const parent = `${root}/kuasar-test-${Deno.pid}`;
  const folders = [`kuasar_${foreign}`, "shorter", `kuasar_${ours}`, "short", `cri-${ours}.scope`].map((
    name,
  ) => `${parent}/${name}`);
  // In the place of the host's. Not below the run directory: it would be one of the node's.
  const netns = `${runDir.replace("kl-", "kn-")}`;
  try {
    pinNewNetns(netns);
    using netlink = new NetlinkSocket({ netns });
    const before = withNetns(netns, () => takeSnapshot(target));
    for (const folder of folders) await Deno.mkdir(folder, { recursive: true });
    for (
      const [name, address] of [["foreign", "10.20.30.1"], ["ours", podSubnet(runDir).replace("0/24", "1")]]
    ) {
      addVeth(netlink, { name: `${name}0`, peer: { name: `${name}1` } });
      const { index } = listLinks(netlink).find((link) => link.name === `${name}0`)!;
      addAddress(netlink, index, address!, 32);
    }
    deepStrictEqual(difference(before, withNetns(netns, () => takeSnapshot(target))), [
      "+ links: ours0",
      ...[`cri-${ours}.scope`, `kuasar_${ours}`, "short"].map((name) => `+ cgroups: ${parent}/${name}`),
    ]);
  } finally {
    for (const folder of [...folders, parent]) await Deno.remove(folder).catch(() => {});
    unpinNetns(netns);
    await Deno.remove(runDir);
  }
});
