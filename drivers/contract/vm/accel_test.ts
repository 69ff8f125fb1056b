import { deepStrictEqual, match, strictEqual, throws } from "node:assert/strict";
import { type AccelFacts, chooseAccel } from "./accel.ts";

const facts = (change: Partial<AccelFacts>): AccelFacts => ({
  arch: "x86_64",
  cpuinfo: "processor\t: 0\nflags\t\t: fpu vme vmx ssse3\n",
  kvmProblem: undefined,
  ...change,
});

Deno.test("KVM is chosen where the CPU flag and the device are there", () => {
  deepStrictEqual(chooseAccel("auto", facts({})), { accel: "kvm", notes: [] });
  deepStrictEqual(chooseAccel("kvm", facts({ cpuinfo: "flags : svm" })).accel, "kvm");
});

Deno.test("a device without the CPU flag is not used, and the note says why", () => {
  const choice = chooseAccel("auto", facts({ cpuinfo: "flags : fpu vmxx\nbugs : vmx" }));
  strictEqual(choice.accel, "tcg");
  match(choice.notes[0]!, /neither vmx nor svm/);
});

Deno.test("on aarch64 the device decides alone", () => {
  strictEqual(chooseAccel("auto", facts({ arch: "aarch64", cpuinfo: "" })).accel, "kvm");
  match(chooseAccel("auto", facts({ arch: "aarch64", kvmProblem: "x" })).notes[0]!, /because x/);
});

Deno.test("KVM by force fails where it cannot be used; TCG by wish is noted", () => {
  throws(() => chooseAccel("kvm", facts({ kvmProblem: "/dev/kvm is gone" })), {
    code: "FAILED_PRECONDITION",
    message: /is gone/,
  });
  strictEqual(chooseAccel("tcg", facts({})).accel, "tcg");
});
