import { asKuasarError } from "../../lib/errors/mod.ts";
import type { Check } from "./check.ts";
import { DebianHost } from "./debian_host.ts";
import { hostImage } from "./image.ts";
import { HostMachine } from "./machine.ts";
import type { HostSuite } from "./suites.ts";

/** How a check ended. */
export interface CheckResult {
  name: string;
  seconds: number;
  /** What the check tells. */
  note: string;
  /** Why it failed; undefined where it passed. */
  problem?: string;
}

/** All of a host. */
export interface HostReport {
  suite: HostSuite;
  /** By what they are of: `kernel`. */
  versions: Readonly<Record<string, string>>;
  results: readonly CheckResult[];
  /** What all of it has used of the CPUs of the host that tests, without the making of the image. */
  cpuSeconds: number;
}

const VERSIONS: Readonly<Record<string, string>> = {
  Debian: "cat /etc/debian_version",
  kernel: "uname -r",
  systemd: "systemctl --version | head -n 1 | cut -d ' ' -f 2",
};

/** The end of the host's journal, with a failure; containerd tells much of its own. */
const JOURNAL =
  "journalctl --no-pager --output short-monotonic --unit 'kuasar*' | grep -v 'containerd.*level=info' | tail -n 40";

/** How a host is tested. */
export interface HostRun {
  checks: readonly Check[];
  /** The packages under test, files of this host. */
  packages: readonly string[];
  /** True where apt begins with nothing of what they depend on. */
  clean: boolean;
  say(line: string): void;
}

/** Boots a host and runs checks on it, one after the other; a failed one stops no other. */
export async function runHost(
  suite: HostSuite,
  { checks, packages, clean, say }: HostRun,
): Promise<HostReport> {
  const image = await hostImage(suite, { clean });
  const begin = Date.now();
  const machine = await HostMachine.boot(image);
  const results: CheckResult[] = [{ name: "boot", seconds: (Date.now() - begin) / 1000, note: "" }];
  const host = new DebianHost(machine, suite, packages, clean);
  const tell = ({ name, seconds, note, problem }: CheckResult) =>
    say(
      `${suite.name}  ${problem ? "FAILED" : "ok    "} ${seconds.toFixed(1).padStart(6)} s  ${name}  ${note}`,
    );
  try {
    tell(results[0]!);
    const versions: Record<string, string> = {};
    for (const [what, command] of Object.entries(VERSIONS)) {
      versions[what] = (await machine.must(command)).trim();
    }
    for (const { name, run } of checks) {
      const begin = Date.now();
      const result: CheckResult = { name, seconds: 0, note: "" };
      try {
        result.note = await run(host) ?? "";
      } catch (error) {
        const { message, evidence } = asKuasarError(error);
        result.problem = message;
        for (const line of [message, ...evidence]) say(`  ${line}`);
        const { stdout } = await machine.run(JOURNAL);
        say(stdout);
      }
      result.seconds = (Date.now() - begin) / 1000;
      results.push(result);
      tell(result);
    }
    return { suite, versions, results, cpuSeconds: machine.cpuSeconds };
  } finally {
    await host.stop();
  }
}
