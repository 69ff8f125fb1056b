import { isFile } from "../../lib/files/mod.ts";
import { podSubnet, shimRuntimeType } from "../../deploy/containerd/mod.ts";
import type { Node } from "./node.ts";

/** A call that takes longer is ended, which its code 124 shows. */
const CALL_TIMEOUT_S = "60";

/** The namespace of containerd's in which it works. */
export const NERDCTL_NAMESPACE = "nerdctl";

/** How a call of nerdctl ended. */
export interface NerdctlResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** Where nerdctl is, which no Debian package has; undefined where it is not on the PATH. */
export function findNerdctl(): string | undefined {
  return (Deno.env.get("PATH") ?? "").split(":").map((folder) => `${folder}/nerdctl`).find(isFile);
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
  call(args: readonly string[], stdin?: string): Promise<NerdctlResult> {
    return this.#call([this.#program, ...this.#global(), ...args], stdin);
  }

  /** As {@link call}, in a terminal. @returns what the terminal shows as `stdout` */
  inTerminal(args: readonly string[]): Promise<NerdctlResult> {
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

  async #call(command: readonly string[], stdin?: string): Promise<NerdctlResult> {
    const child = new Deno.Command("timeout", {
      args: ["--kill-after=2", CALL_TIMEOUT_S, ...command],
      env: { HOME: this.#dir, NERDCTL_TOML: `${this.#dir}/nerdctl.toml` },
      stdin: stdin === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    if (stdin !== undefined) await new Blob([stdin]).stream().pipeTo(child.stdin);
    const { code, stdout, stderr } = await child.output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, stdout: text(stdout), stderr: text(stderr) };
  }
}
