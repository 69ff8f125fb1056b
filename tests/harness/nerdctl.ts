import { findOnPath } from "../../lib/files/mod.ts";
import { podSubnet, shimRuntimeType } from "../../deploy/containerd/mod.ts";
import { type CommandResult, runCommandLine } from "./command_line.ts";
import type { Node } from "./node.ts";

/** The namespace of containerd's in which it works. */
export const NERDCTL_NAMESPACE = "nerdctl";

/** Where nerdctl is, which no Debian package has; undefined where it is not on the PATH. */
export function findNerdctl(): string | undefined {
  return findOnPath("nerdctl");
}

/** nerdctl with a node's containerd; all that it keeps is below the node's run directory. */
export class Nerdctl {
  readonly #program: string;
  readonly #node: Node;
  readonly #dir: string;
  readonly #cniBinDir: string;

  constructor(program: string, node: Node, cniBinDir: string) {
    this.#program = program;
    this.#node = node;
    this.#dir = `${node.runDir}/nerdctl`;
    this.#cniBinDir = cniBinDir;
  }

  /**
   * Makes a network of one bridge, with addresses of the run directory's own.
   *
   * @returns its name, for `--network`
   */
  async makeNetwork(bridge: string): Promise<string> {
    const ipam = {
      type: "host-local",
      dataDir: `${this.#dir}/addresses`,
      ranges: [[{ subnet: podSubnet(this.#dir) }]],
    };
    const plugins = [{ type: "bridge", bridge, isGateway: true, ipam }];
    await Deno.mkdir(this.#cniConfDir, { recursive: true });
    await Deno.writeTextFile(
      `${this.#cniConfDir}/tests.conflist`,
      JSON.stringify({ cniVersion: "1.0.0", name: "tests", plugins }),
    );
    return "tests";
  }

  get #cniConfDir(): string {
    return `${this.#dir}/cni`;
  }

  /** `nerdctl run` with the node's runtime. */
  run(flags: readonly string[], image: string, command: readonly string[], stdin?: string) {
    return this.call(this.runArguments(flags, image, command), stdin);
  }

  /** Of {@link run}, for {@link inTerminal}. */
  runArguments(flags: readonly string[], image: string, command: readonly string[]): string[] {
    const runtime = ["--runtime", shimRuntimeType(this.#node.handler)];
    return ["run", "--pull=never", ...runtime, ...flags, image, ...command];
  }

  /** Runs its command line. */
  call(args: readonly string[], stdin?: string): Promise<CommandResult> {
    return this.#call([this.#program, ...this.#global(), ...args], stdin);
  }

  /** As {@link call}, in a terminal. @returns what the terminal shows as `stdout` */
  inTerminal(args: readonly string[]): Promise<CommandResult> {
    const words = [this.#program, ...this.#global(), ...args].map((word) =>
      `'${word.replaceAll("'", "'\\''")}'`
    );
    return this.#call(["script", "-qec", words.join(" "), "/dev/null"]);
  }

  #global(): string[] {
    return [
      ...["--address", this.#node.containerdAddress, "--namespace", NERDCTL_NAMESPACE],
      ...["--data-root", `${this.#dir}/data`, "--cgroup-manager", "cgroupfs"],
      ...["--cni-path", this.#cniBinDir, "--cni-netconfpath", this.#cniConfDir],
    ];
  }

  #call(command: readonly string[], stdin?: string): Promise<CommandResult> {
    return runCommandLine(command, { HOME: this.#dir, NERDCTL_TOML: `${this.#dir}/nerdctl.toml` }, stdin);
  }
}
