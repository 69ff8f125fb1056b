import { asKuasarError } from "../../lib/errors/mod.ts";
import { isAtLeast, versionIn } from "../../lib/process/mod.ts";
import type { SelfCheck } from "../../lib/service/mod.ts";
import type { DriverDeployment } from "../../deploy/drivers.ts";
import { TOOLS } from "../../deploy/host/mod.ts";
import type { Finding } from "./host_facts.ts";
import type { UnitState } from "./unit_states.ts";
import { runtimeCautions } from "./runtime_caution.ts";

/** It asks programs for their versions; on a host that has just booted that takes a while. */
const TIMEOUT_MS = 120_000;

/** Sets `OPTIONS` as the unit does, and asks the service. */
const SCRIPT = `OPTIONS=
for file in "/etc/sysconfig/$0" "/etc/default/$0"; do if [ -r "$file" ]; then . "$file"; fi; done
exec "$@" $OPTIONS --check`;

/** What a service says of itself, or why it would not start. */
export type Answer = SelfCheck | { failure: string };

/**
 * Asks a service what it lacks, with the configuration, the drop-ins and the options that its unit has.
 *
 * @param unit `kuasar-storage`
 */
export async function askService(unit: string, command: readonly string[]): Promise<Answer> {
  try {
    const { success, stdout, stderr } = await new Deno.Command("/bin/sh", {
      args: ["-c", SCRIPT, unit, ...command],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).output();
    const [said, complained] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trim());
    if (success) return JSON.parse(said!) as SelfCheck;
    const message = /\bmsg=("(?:[^"\\]|\\.)*")/.exec(complained!)?.[1];
    return { failure: message === undefined ? complained! : JSON.parse(message) };
  } catch (error) {
    return { failure: asKuasarError(error).message };
  }
}

/** The services that every pod needs: whether each would start. Their programs are of use to some kinds only. */
export function judgeServices(answers: ReadonlyMap<string, Answer>): Finding[] {
  return [...answers].map(([unit, answer]) =>
    "failure" in answer
      ? { what: unit, verdict: "missing", detail: answer.failure }
      : { what: unit, verdict: "ok", detail: "its configuration is right" }
  );
}

/** What is known of the kind of pods that one driver runs. */
export interface KindFacts {
  driver: DriverDeployment;
  answer: Answer;
  /** What storage says. */
  storage: Answer;
  /** Of the driver's socket, where systemd runs. */
  socket: UnitState | undefined;
  kvm: boolean;
}

/** Whether pods of a kind run here. */
export function judgeKind({ driver, answer, storage, socket, kvm }: KindFacts): Finding {
  const { name, handlers, program } = driver;
  const what = handlers[0];
  const unit = `kuasar-driver-${name}.socket`;
  if (socket?.load === "masked") return { what, verdict: "absent", detail: `turned off: ${unit} is masked` };
  if (socket && socket.active !== "active") {
    return {
      what,
      verdict: "missing",
      detail: `${unit} is ${socket.active}`,
      remedy: `systemctl start ${unit}`,
    };
  }
  const off = `, or turn the kind off: systemctl mask --now ${unit}`;
  if ("failure" in answer) {
    return { what, verdict: "missing", detail: answer.failure, remedy: `put it right${off}` };
  }
  const problems = [...answer.problems, ...shareProblems(answer, storage)];
  if (problems.length > 0) {
    // What no package has is of no use to most hosts, and its kind is offered all the same.
    const outside = program &&
      problems.some(({ problem }) => problem.includes(`${program.path} does not exist`));
    return {
      what,
      verdict: outside ? "absent" : "missing",
      detail: problems.map((one) => `${one.what} ${one.problem}`).join("; "),
      remedy: problems.map(({ remedy }) => remedy).join("; ") + off,
    };
  }
  if (driver.needsKvm && !kvm) return { what, verdict: "absent", detail: `${answer.version}; needs KVM` };
  const version = versionIn(answer.version);
  const least = program?.minVersion ?? leastOf(driver, answer.version);
  if (least !== undefined && version !== undefined && !isAtLeast(version, least)) {
    const remedy = (program?.remedy ?? `install ${least} or newer`) + off;
    return { what, verdict: "missing", detail: `${answer.version} is older than ${least}`, remedy };
  }
  if (answer.version === "") {
    const detail = answer.notes.join("; ") || "its program does not tell its version";
    return { what, verdict: "missing", detail, remedy: `see that it runs${off}` };
  }
  const cautions = runtimeCautions(answer.version.split(" ")[0]!, answer.version);
  return { what, verdict: "ok", detail: [answer.version, ...answer.notes, ...cautions].join("; ") };
}

/** Not of another program that may take the place of the usual one. */
function leastOf({ tools: [key] }: DriverDeployment, version: string): string | undefined {
  const tool = TOOLS.find((tool) => tool.key === key);
  return tool && version.toLowerCase().includes(tool.key) ? tool.minVersion : undefined;
}

/** Files of VMs come by a program of kuasar-storage's. */
function shareProblems({ share }: SelfCheck, storage: Answer): SelfCheck["problems"] {
  return "failure" in storage ? [] : storage.problems.filter(({ what }) => what === share);
}
