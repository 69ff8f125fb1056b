import assert from "node:assert/strict";
import fc from "fast-check";
import { sysctlPath } from "./sysctls.ts";

Deno.test("dots or slashes separate", () => {
  assert.equal(sysctlPath("net.ipv4.ip_forward"), "/proc/sys/net/ipv4/ip_forward");
  assert.equal(sysctlPath("net/ipv4/conf/eth0.1/rp_filter"), "/proc/sys/net/ipv4/conf/eth0.1/rp_filter");
});

Deno.test("what leads out of /proc/sys is refused", () => {
  for (
    const name of [
      "",
      "kernel",
      "../../etc/passwd",
      "kernel/../../x",
      "kernel..x",
      "/etc/passwd",
      "a.b\nc",
      "a.b\0",
    ]
  ) {
    assert.throws(() => sysctlPath(name), { code: "INVALID_ARGUMENT" }, JSON.stringify(name));
  }
});

Deno.test("no name leads out of /proc/sys", () => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom(".", "/", "a", "-", "..", "\0") }), (name) => {
    let path: string;
    try {
      path = sysctlPath(name);
    } catch {
      return;
    }
    assert.ok(
      path.startsWith("/proc/sys/") && !path.split("/").some((part) => part === ".." || part === "."),
    );
  }));
});
