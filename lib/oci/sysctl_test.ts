import { ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { sysctlPath } from "./sysctl.ts";

Deno.test("the first separator separates, the other one is a dot of a name", () => {
  strictEqual(sysctlPath("net.ipv4.ip_forward"), "net/ipv4/ip_forward");
  strictEqual(sysctlPath("net/ipv4/ip_forward"), "net/ipv4/ip_forward");
  for (const name of ["net.ipv4.conf.eth0/1.rp_filter", "net/ipv4/conf/eth0.1/rp_filter"]) {
    strictEqual(sysctlPath(name), "net/ipv4/conf/eth0.1/rp_filter");
  }
});

Deno.test("what leads out of /proc/sys is refused", () => {
  const names = [
    "",
    "kernel",
    "../../etc/passwd",
    "kernel/../../x",
    "kernel..x",
    "/etc/passwd",
    "a.b\nc",
    "a.b\0",
  ];
  for (const name of [...names, "net.//.x", "net.", "net/"]) {
    throws(() => sysctlPath(name), { code: "INVALID_ARGUMENT" }, JSON.stringify(name));
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
    ok(!path.startsWith("/") && !path.split("/").some((part) => ["", ".", ".."].includes(part)), path);
  }));
});
