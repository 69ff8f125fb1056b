import { deepStrictEqual, throws } from "node:assert/strict";
import { sortSysctls } from "./sysctls.ts";

const OWN = { net: true, ipc: true, uts: true };

Deno.test("sysctls are told by the namespace that they belong to", () => {
  const sysctls = { "net.core.somaxconn": "10", "kernel.shmmax": "1", "fs.mqueue.msg_max": "2" };
  deepStrictEqual(sortSysctls({ ...sysctls, "kernel.domainname": "d" }, OWN), {
    net: [["net/core/somaxconn", "10"]],
    ipc: [["kernel/shmmax", "1"], ["fs/mqueue/msg_max", "2"]],
    uts: [["kernel/domainname", "d"]],
  });
});

Deno.test("with slashes they are the same, and a device may have a dot in its name", () => {
  const sysctls = { "net/ipv4/conf/eth0.1/rp_filter": "0", "kernel/shmmni": "1", "fs/mqueue/msg_max": "2" };
  deepStrictEqual(sortSysctls({ ...sysctls, "net.ipv4.conf.eth0/2.rp_filter": "0" }, OWN), {
    net: [["net/ipv4/conf/eth0.1/rp_filter", "0"], ["net/ipv4/conf/eth0.2/rp_filter", "0"]],
    ipc: [["kernel/shmmni", "1"], ["fs/mqueue/msg_max", "2"]],
    uts: [],
  });
});

Deno.test("a sysctl that would change the host is refused", () => {
  for (
    const name of [
      "kernel.panic",
      "vm.swappiness",
      "net/../kernel/panic",
      "fs.file-max",
      "net.",
      "kernel.shmmax/../../x",
    ]
  ) {
    throws(() => sortSysctls({ [name]: "1" }, OWN), { code: "INVALID_ARGUMENT" }, name);
  }
  throws(() => sortSysctls({ "net.core.somaxconn": "1" }, { ...OWN, net: false }), {
    code: "INVALID_ARGUMENT",
  });
  throws(() => sortSysctls({ "kernel.sem": "1" }, { ...OWN, ipc: false }), { code: "INVALID_ARGUMENT" });
});
