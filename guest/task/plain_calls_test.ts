import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { plainCallsOf, stateRootOf } from "./plain_calls.ts";

const linux = { cgroupsPath: "/pod/c1" };
const spec = { ociVersion: "1.2.1", linux };

Deno.test("start and delete do nothing else for a container without hooks", () => {
  deepStrictEqual(plainCallsOf(spec, "/pod/c1"), { start: true, delete: true });
  deepStrictEqual(plainCallsOf({ ...spec, hooks: { prestart: [{}], poststart: [] } }, "/pod/c1"), {
    start: true,
    delete: true,
  });
});

Deno.test("hooks, another cgroup and what only the runtime has made are left to it", () => {
  strictEqual(plainCallsOf({ ...spec, hooks: { poststart: [{}] } }, "/pod/c1").start, false);
  strictEqual(plainCallsOf({ ...spec, hooks: { poststop: [{}] } }, "/pod/c1").delete, false);
  strictEqual(plainCallsOf(spec, "/pod/c2").delete, false);
  strictEqual(plainCallsOf({ ociVersion: "1.2.1" }, "/kuasar/c1").delete, false);
  const withRdt = { ...spec, linux: { ...linux, intelRdt: {} } };
  strictEqual(plainCallsOf(withRdt, "/pod/c1").delete, false);
});

Deno.test("a runtime's command tells where its state is", () => {
  strictEqual(stateRootOf(["/usr/bin/runc", "--root", "/run/r"]), "/run/r");
  strictEqual(
    stateRootOf(["/usr/bin/crun", "--debug", "--root=/run/c", "--cgroup-manager", "cgroupfs"]),
    "/run/c",
  );
  strictEqual(stateRootOf(["/usr/bin/runc", "--root", "/a", "-root", "/b"]), "/b", "the last one counts");
  for (const command of [["/usr/bin/runc"], ["/usr/bin/runc", "--root"], ["/usr/bin/runc", "--root", "r"]]) {
    strictEqual(stateRootOf(command), undefined);
  }
});
