import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { parseConfig } from "../../lib/config/mod.ts";
import type { AccelFacts } from "../contract/vm/accel.ts";
import { globalArgs, hiding, withLogs } from "./command_line.ts";
import { fromFile } from "./config.ts";
import { SCHEMA } from "./config_schema.ts";
import { choosePlatform } from "./platform.ts";
import { isSandboxProcess } from "./processes.ts";
import { isStateFile } from "./state_files.ts";
import { sysctlWrites } from "./sysctls.ts";
import { mustHideNetSysctls, versionIn } from "./version.ts";

const read = (text: string) => fromFile(parseConfig(SCHEMA, text));
const OWN = { ownNetwork: true, ownCgroup: true };

Deno.test("the shipped configuration is what holds without one", () => {
  deepStrictEqual(read(Deno.readTextFileSync(new URL("./config_gvisor.toml", import.meta.url))), read(""));
});

Deno.test("what runsc would take differently is refused", () => {
  for (
    const bad of [
      'platform = "vz"',
      'network = "bridge"',
      'overlay2 = "root:dir=x"',
      'debug_log = "x"',
      'host_uds = "yes"',
    ]
  ) throws(() => read(`[runsc]\n${bad}`), { code: "INVALID_ARGUMENT" }, bad);
  strictEqual(read('[runsc]\noverlay2 = "root:dir=/var/tmp"').overlay2, "root:dir=/var/tmp");
});

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

Deno.test("versions are told by their date", () => {
  deepStrictEqual(versionIn("runsc version 0.0~20240729.0\nspec: 1.2.0\n"), {
    text: "runsc 20240729",
    date: 20240729,
  });
  deepStrictEqual(versionIn("runsc version release-20250113.0\n").date, 20250113);
  deepStrictEqual(versionIn("runsc version dev\n"), { text: "runsc dev", date: 0 });
  deepStrictEqual(versionIn("bash: not found"), { text: "", date: 0 });
  ok(mustHideNetSysctls({ text: "", date: 20240729 }) && !mustHideNetSysctls({ text: "", date: 20240807 }));
});

Deno.test("KVM is used where there is one", () => {
  const facts = (kvmProblem?: string): AccelFacts => ({
    arch: "x86_64",
    cpuinfo: "flags : vmx\n",
    kvmProblem,
  });
  deepStrictEqual(choosePlatform("systrap", facts("none")), { platform: "systrap", notes: [] });
  deepStrictEqual(choosePlatform("kvm", facts()), { platform: "kvm", notes: [] });
  const without = choosePlatform("kvm", facts("/dev/kvm does not answer"));
  strictEqual(without.platform, "systrap");
  deepStrictEqual(without.notes, [
    "This host has no usable KVM because /dev/kvm does not answer: sandboxes use the platform systrap instead of kvm",
  ]);
  strictEqual(choosePlatform("ptrace", facts()).notes.length, 1);
});

Deno.test("a sandbox's process and files are told from another's", () => {
  const cmdline =
    ["runsc-sandbox", "--root=/r", "--platform=systrap", "boot", "--bundle=/b", "s1"].join("\0") + "\0";
  ok(isSandboxProcess(cmdline, "/r", "s1"));
  for (const [root, id] of [["/r", "s2"], ["/other", "s1"]] as const) {
    ok(!isSandboxProcess(cmdline, root, id));
  }
  ok(!isSandboxProcess("sh\0-c\0runsc-sandbox --root=/r s1\0", "/r", "s1"));
  for (const name of ["runsc-s1.sock", "s1_sandbox:s1.state", "c1_sandbox:s1.lock"]) {
    ok(isStateFile(name, "s1"), name);
  }
  for (const name of ["runsc-s11.sock", "s1_sandbox:s2.state", "c1_sandbox:s11.lock", "other"]) {
    ok(!isStateFile(name, "s1"), name);
  }
});

Deno.test("what gVisor lets everybody do is not written, all else is", () => {
  const docker = { "net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 2147483647" };
  deepStrictEqual(sysctlWrites(docker), []);
  deepStrictEqual(sysctlWrites({ "net.ipv4.ip_unprivileged_port_start": "80" }), [
    "/proc/sys/net/ipv4/ip_unprivileged_port_start",
    "80",
  ]);
  throws(() => sysctlWrites({ "vm.swappiness": "1" }), /no sysctl of a pod/);
});
