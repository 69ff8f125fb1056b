import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { sandboxRecord } from "../contract/testing/sandbox_record.ts";
import { containerPlan, sandboxSpec } from "./specs.ts";

Deno.test("a sandbox's spec has the pod's network and keeps its memory limit", () => {
  const spec = sandboxSpec(sandboxRecord(), { memory: { limit: 5n } });
  strictEqual(spec.hostname, "web");
  deepStrictEqual(spec.linux?.resources, { memory: { limit: 5n } });
  strictEqual(spec.linux?.namespaces?.find(({ type }) => type === "network")?.path, "/var/run/netns/p");
  const host = sandboxSpec(sandboxRecord({ netnsPath: "" }), {});
  deepStrictEqual(host.linux?.namespaces?.map(({ type }) => type), ["ipc", "mount"]);
});

Deno.test("bind mounts are the host's part of a container, and no container takes a name of the sandbox's", () => {
  const spec = {
    ociVersion: "1.0.2",
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/data", type: "bind", source: "/d" },
      { destination: "/dev/shm", type: "bind", source: "/s/shm" },
      { destination: "/more", type: "none", source: "/m", options: ["rbind", "ro"] },
    ],
    linux: { cgroupsPath: "/x", namespaces: [{ type: "network" as const, path: "/proc/1/ns/net" }] },
  };
  const plan = containerPlan(spec, "c1", { shm: "/s/shm", hostname: "web" });
  deepStrictEqual(plan.binds.map(({ destination }) => destination), ["/data", "/more"]);
  deepStrictEqual(plan.spec.mounts?.map(({ type }) => type), ["proc", "tmpfs"]);
  deepStrictEqual([plan.spec.root?.path, plan.spec.linux?.cgroupsPath], ["rootfs", undefined]);
  strictEqual(plan.spec.hostname, "web");
  throws(() => containerPlan(spec, "dev", { shm: "", hostname: "" }), { code: "INVALID_ARGUMENT" });
});
