import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { parse } from "@std/toml";
import { allHandlers } from "../drivers.ts";
import { cniConflist, containerdConfig, podSubnet } from "./mod.ts";

// deno-lint-ignore no-explicit-any -- a parsed configuration file has no type
type Tree = any;

const OPTIONS = {
  rootDir: "/r/root",
  stateDir: "/r/state",
  address: "/r/containerd.sock",
  sandboxerSocket: "/r/sandboxer.sock",
  cniBinDirs: ["/opt/cni"],
  cniConfDir: "/r/cni",
};

Deno.test("the configuration is valid TOML with our plugin and handler", () => {
  const config: Tree = parse(containerdConfig(OPTIONS));
  strictEqual(config.version, 3);
  deepStrictEqual({ ...config.proxy_plugins.kuasar }, { type: "sandbox", address: "/r/sandboxer.sock" });
  const runtimes = config.plugins["io.containerd.cri.v1.runtime"].containerd.runtimes;
  deepStrictEqual(Object.keys(runtimes), allHandlers());
  for (const handler of allHandlers()) {
    strictEqual(runtimes[handler].sandboxer, "kuasar");
    ok(!("options" in runtimes[handler]), "an options table breaks StartContainer");
  }
});

Deno.test("stdio over streams is asked for handler by handler", () => {
  const config: Tree = parse(containerdConfig({ ...OPTIONS, ioType: "streaming" }));
  const runtimes = config.plugins["io.containerd.cri.v1.runtime"].containerd.runtimes;
  for (const handler of allHandlers()) strictEqual(runtimes[handler].io_type, "streaming");
});

Deno.test("the address of the sandboxer is a bare path", () => {
  const config: Tree = parse(containerdConfig(OPTIONS));
  ok(config.proxy_plugins.kuasar.address.startsWith("/"));
});

Deno.test("the CNI configuration keeps its state where it is told", () => {
  const conflist = JSON.parse(cniConflist({ subnet: "10.137.1.0/24", dataDir: "/r/ipam" }));
  strictEqual(conflist.plugins[0].ipam.dataDir, "/r/ipam");
});

Deno.test("instances in different folders get different subnets of the same kind", () => {
  const [a, b] = [podSubnet("/run/kuasar"), podSubnet("/run/kt-1")];
  ok(a !== b);
  for (const subnet of [a, b]) ok(/^10\.137\.\d{1,3}\.0\/24$/.test(subnet));
});
