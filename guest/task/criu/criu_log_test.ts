import { deepStrictEqual } from "node:assert/strict";
import { criuErrors } from "./criu_log.ts";

Deno.test("the last errors of a log, without times and without what CRIU only tries", () => {
  const log = [
    "(00.029438) Error (criu/util.c:1533): rlimit: Can't setup RLIMIT_NOFILE for self: Operation not permitted",
    'Error (criu/util.c:641): execvp("iptables-save", ...) failed: No such file or directory',
    "(00.184901) Error (criu/util.c:1722): iptables-save -V failed",
    "(00.184902) Error (criu/util.c:1722): ip6tables-legacy-save -V failed",
    "(00.136681) 1044 fdinfo 0: pos: 0 flags: 100000/0",
    "(00.136705) Error (criu/files-reg.c:1790): Can't lookup mount=27 for fd=0 path=/fifo",
    "(00.160279) Error (criu/cr-dump.c:2111): Dumping FAILED.",
  ];
  deepStrictEqual(criuErrors(log.join("\n")), [
    "Error (criu/files-reg.c:1790): Can't lookup mount=27 for fd=0 path=/fifo",
    "Error (criu/cr-dump.c:2111): Dumping FAILED.",
  ]);
});

Deno.test("where nothing else is told, what the kernel has refused", () => {
  const log = [
    "(00.006374) Error (criu/sockets.c:210): sockets: Diag module missing (-2)",
    "(00.767123) sockets: Sockects collect procedure family AF_NETLINK proto IPPROTO_RAW: -2",
    "(00.775533) Error (criu/cr-dump.c:2111): Dumping FAILED.",
  ];
  deepStrictEqual(criuErrors(log.join("\n")), log.map((line) => line.slice(12)));
});

Deno.test("no more than three, none of them long", () => {
  const log = Array.from({ length: 9 }, (_, i) => `Error ${i} ${"x".repeat(1000)}`).join("\n");
  const errors = criuErrors(log);
  deepStrictEqual(errors.map((line) => [line.slice(0, 7), line.length]), [
    ["Error 6", 300],
    ["Error 7", 300],
    ["Error 8", 300],
  ]);
  deepStrictEqual(criuErrors(""), []);
});
