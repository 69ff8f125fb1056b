import { asKuasarError, KuasarError } from "../../../lib/errors/mod.ts";
import { closeFd, ioctlValue, OPEN, openFd } from "../../../lib/libc/mod.ts";

/** How guests are executed. */
export type Accel = "kvm" | "tcg";

/** What decides whether KVM can be used. */
export interface AccelFacts {
  arch: "x86_64" | "aarch64";
  /** `/proc/cpuinfo`. */
  cpuinfo: string;
  /** Why `/dev/kvm` cannot be used; undefined where it can. */
  kvmProblem: string | undefined;
}

/** The accelerator to use, and what a person should know about the choice. */
export interface AccelChoice {
  accel: Accel;
  notes: string[];
}

/**
 * Chooses the accelerator.
 *
 * `/dev/kvm` alone is no proof: a software-only nested KVM offers it and boots no stock kernel. On x86 the CPU
 * must have `vmx` or `svm` too.
 *
 * @throws {KuasarError} FAILED_PRECONDITION where KVM is demanded and cannot be used
 */
export function chooseAccel(wanted: "auto" | Accel, facts: AccelFacts): AccelChoice {
  if (wanted === "tcg") {
    return { accel: "tcg", notes: ["The configuration asks for emulation (accel = tcg), which is slow"] };
  }
  const problem = kvmProblem(facts);
  if (problem === undefined) return { accel: "kvm", notes: [] };
  if (wanted === "kvm") {
    throw new KuasarError(
      "FAILED_PRECONDITION",
      `Cannot use KVM: ${problem}; set accel = "auto" to do without`,
    );
  }
  return {
    accel: "tcg",
    notes: [`This host has no usable KVM because ${problem}: guests are emulated (TCG), which is slow`],
  };
}

function kvmProblem(facts: AccelFacts): string | undefined {
  if (facts.arch === "x86_64" && !/^flags\s*:.*\b(vmx|svm)\b/m.test(facts.cpuinfo)) {
    return "the CPU shows neither vmx nor svm";
  }
  return facts.kvmProblem;
}

/** Looks at this host. */
export function hostAccelFacts(): AccelFacts {
  return {
    arch: Deno.build.arch,
    cpuinfo: Deno.readTextFileSync("/proc/cpuinfo"),
    kvmProblem: probeKvm(),
  };
}

function probeKvm(): string | undefined {
  const KVM_GET_API_VERSION = 0xae00;
  const STABLE_API = 12;
  let fd: number;
  try {
    fd = openFd("/dev/kvm", OPEN.RDWR);
  } catch (error) {
    return `/dev/kvm cannot be opened (${asKuasarError(error).message})`;
  }
  try {
    const version = ioctlValue(fd, KVM_GET_API_VERSION, 0);
    return version === STABLE_API ? undefined : `/dev/kvm speaks version ${version}, not ${STABLE_API}`;
  } catch (error) {
    return `/dev/kvm does not answer (${asKuasarError(error).message})`;
  } finally {
    closeFd(fd);
  }
}
