import { deepStrictEqual, ok } from "node:assert/strict";
import { nodeSet } from "./set.ts";

Deno.test("the set starts containerd last and gives the sandboxer both its sockets", () => {
  const specs = nodeSet({
    root: "/c",
    runDir: "/r",
    agent: "/c/build/guest/agent",
    taskServer: "/c/build/guest/kuasar-task",
    drivers: [{ name: "qemu", folder: "qemu" }],
    virtiofsd: "/v",
    mkfsErofs: "/m",
    containerdTtrpc: "/r/containerd/containerd.sock.ttrpc",
    containerd: {
      command: "/containerd",
      args: [],
      env: {},
      address: "/r/containerd/containerd.sock",
      dir: "/r/containerd",
      stateDir: "/r/containerd/state",
      rootDir: "/r/containerd/root",
    },
  });
  const names = specs.map((s) => s.name);
  deepStrictEqual(names, ["network", "storage", "driver-qemu", "sandboxer", "kuasar-task", "containerd"]);
  deepStrictEqual(specs[3]!.sockets, [
    { name: "sandboxer", path: "/r/sandboxer.sock" },
    { name: "prepare", path: "/r/prepare.sock" },
  ]);
  ok(specs[1]!.args.includes("--virtiofsd"));
  deepStrictEqual([specs[3]!.command, ...specs[3]!.args.slice(0, 4)], [
    "/c/build/guest/agent",
    "kuasar-greeter",
    "sandboxer",
    Deno.execPath(),
    "run",
  ]);
});
