import { deepStrictEqual, throws } from "node:assert/strict";
import { sysctlWrites } from "./sysctls.ts";

Deno.test("sysctls become files of the sandbox, and nothing else does", () => {
  deepStrictEqual(sysctlWrites({ "net.ipv4.ip_local_port_range": "1024 65535" }), [
    "/proc/sys/net/ipv4/ip_local_port_range",
    "1024 65535",
  ]);
  for (const name of ["net.../../x", "../x", "vm.overcommit_memory", "net.a b"]) {
    throws(() => sysctlWrites({ [name]: "1" }), { code: "INVALID_ARGUMENT" }, name);
  }
  throws(() => sysctlWrites({ "net.core.somaxconn": "1\n2" }), { code: "INVALID_ARGUMENT" });
});

Deno.test("what gVisor lets everybody do is not written, all else is", () => {
  const docker = { "net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 2147483647" };
  deepStrictEqual(sysctlWrites(docker), []);
  deepStrictEqual(sysctlWrites({ "net/ipv4/ip_unprivileged_port_start": "0" }), []);
  deepStrictEqual(sysctlWrites({ "net.ipv4.ip_unprivileged_port_start": "80" }), [
    "/proc/sys/net/ipv4/ip_unprivileged_port_start",
    "80",
  ]);
  throws(() => sysctlWrites({ "vm.swappiness": "1" }), /no sysctl of a pod/);
});
