import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { AccelFacts } from "../contract/vm/accel.ts";
import { choosePlatform } from "./platform.ts";

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
