import { deepStrictEqual, ok } from "node:assert/strict";
import { parseConfig } from "../../lib/config/mod.ts";
import { globalArgs, hiding, withLogs } from "./command_line.ts";
import { fromFile } from "./config.ts";
import { SCHEMA } from "./config_schema.ts";

const read = (text: string) => fromFile(parseConfig(SCHEMA, text));

const OWN = { ownNetwork: true, ownCgroup: true };

Deno.test("the flags of every call", () => {
  deepStrictEqual(globalArgs(read(""), "/run/kuasar/runsc", OWN), [
    "--root",
    "/run/kuasar/runsc",
    "--platform=systrap",
    "--network=sandbox",
    "--overlay2=root:self",
    "--host-uds=none",
    "--host-fifo=none",
    "--watchdog-action=panic",
  ]);
  const all = globalArgs(
    read('[runsc]\nnet_raw = true\noci_seccomp = true\ndebug_log = "/var/log/runsc"\nargs = ["--strace"]'),
    "/r",
    { ownNetwork: false, ownCgroup: false },
  );
  deepStrictEqual(all.slice(-6), [
    "--net-raw",
    "--oci-seccomp",
    "--ignore-cgroups",
    "--debug",
    "--debug-log=/var/log/runsc/",
    "--strace",
  ]);
  ok(all.includes("--network=host"), "a pod on the host's network has no other");
  deepStrictEqual(withLogs(["--root", "/r"], { log: "/l", panic: "/p" }).slice(2), [
    "--log",
    "/l",
    "--log-format",
    "json",
    "--panic-log=/p",
  ]);
});

Deno.test("what is to be hidden is hidden for that call alone", () => {
  deepStrictEqual(hiding(undefined, ["runsc", "x"]), ["runsc", "x"]);
  const [program, flag, ...rest] = hiding("/proc/sys/net", ["runsc", "x"]);
  deepStrictEqual([program, flag, ...rest.slice(-3)], ["unshare", "--mount", "/proc/sys/net", "runsc", "x"]);
});
