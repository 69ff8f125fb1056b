import { BinaryReader } from "@bufbuild/protobuf/wire";
import assert from "node:assert/strict";
import { parseCommand, runtimeInfo, runtimeName } from "./main.ts";

Deno.test("the runtime's name comes from the binary's", () => {
  assert.equal(runtimeName("containerd-shim-kuasar-vmm-v2"), "io.containerd.kuasar-vmm.v2");
});

Deno.test("commands are found between containerd's flags", () => {
  assert.equal(parseCommand(["-info"]), "info");
  assert.equal(parseCommand(["-v"]), "version");
  const flags = ["-namespace", "k8s.io", "-address", "/run/c.sock", "-publish-binary", "/usr/bin/containerd"];
  assert.equal(parseCommand([...flags, "-id", "start", "-debug", "delete"]), "delete");
  assert.equal(parseCommand(["-namespace=k8s.io", "-id=1", "start"]), "start");
  assert.equal(parseCommand([]), "unknown");
  assert.equal(parseCommand(["-id"]), "unknown");
});

Deno.test("the runtime info is protobuf", () => {
  const reader = new BinaryReader(runtimeInfo("containerd-shim-kuasar-vmm-v2"));
  assert.deepEqual(reader.tag(), [1, 2]);
  assert.equal(reader.string(), "io.containerd.kuasar-vmm.v2");
  assert.deepEqual(reader.tag(), [2, 2]);
  const version = new BinaryReader(reader.bytes());
  assert.deepEqual(version.tag(), [1, 2]);
  assert.match(version.string(), /^\d+\.\d+\.\d+$/);
});
