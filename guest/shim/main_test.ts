import { BinaryReader } from "@bufbuild/protobuf/wire";
import assert from "node:assert/strict";
import fc from "fast-check";
import { parseCommand } from "./command.ts";
import { runtimeInfo } from "./info.ts";
import { runtimeName } from "./runtime_name.ts";
import { startAnswer } from "./start.ts";
import { taskSocket } from "./task_socket.ts";

Deno.test("the runtime's name comes from the binary's", () => {
  assert.equal(runtimeName("containerd-shim-kuasar-vmm-v2"), "io.containerd.kuasar-vmm.v2");
});

Deno.test("commands are found between containerd's flags", () => {
  const verb = (...args: string[]) => parseCommand(args).verb;
  assert.equal(verb("-info"), "info");
  assert.equal(verb("-v"), "version");
  const flags = ["-namespace", "k8s.io", "-address", "/run/c.sock", "-publish-binary", "/usr/bin/containerd"];
  assert.deepEqual(parseCommand([...flags, "-id", "start", "-bundle", "/b", "-debug", "delete"]), {
    verb: "delete",
    id: "start",
  });
  assert.deepEqual(parseCommand(["-namespace=k8s.io", "-id=1", "start"]), {
    verb: "start",
    id: "1",
  });
  assert.equal(verb(), "unknown");
  assert.equal(verb("-id"), "unknown");
  assert.equal(verb("remove"), "unknown");
});

Deno.test("no argument list breaks the parser", () => {
  fc.assert(fc.property(fc.array(fc.string()), (args) => {
    assert.equal(typeof parseCommand(args).verb, "string");
  }));
});

Deno.test("containerd 2 gets bootstrap parameters, earlier ones a bare address", () => {
  const socket = "/run/kuasar/task.sock";
  assert.deepEqual(JSON.parse(startAnswer(socket, "3")), {
    version: 3,
    address: "unix:///run/kuasar/task.sock",
    protocol: "ttrpc",
  });
  for (const older of [null, "", "2"]) {
    assert.equal(startAnswer(socket, older), "unix:///run/kuasar/task.sock");
  }
});

Deno.test("the task server is in the run directory of the environment", () => {
  assert.equal(taskSocket(() => null), "/run/kuasar/task.sock");
  assert.equal(taskSocket(() => ""), "/run/kuasar/task.sock");
  assert.equal(taskSocket((name) => (name === "KUASAR_RUN_DIR" ? "/run/k2" : null)), "/run/k2/task.sock");
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
