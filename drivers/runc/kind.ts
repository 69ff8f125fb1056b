import { HostRuntime_Kind } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import type { PreparedContainer, RuntimeChoice, SandboxKind } from "../contract/host/kind.ts";
import type { Requirement } from "../contract/vm/preflight.ts";
import type { RuncConfig } from "./config.ts";
import { youkiSpec } from "./youki_spec.ts";
import { privateMounts } from "../contract/host/private_mounts.ts";
import type { ProgramVersion } from "../contract/program_version.ts";

/** Pods of plain namespaces, their containers run by an OCI runtime. */
export class RuncKind implements SandboxKind {
  readonly name = "runc";
  readonly version: string;
  readonly notes: readonly string[];
  readonly capabilities: readonly string[];
  readonly pauseProgram: string;
  readonly #config: RuncConfig;
  readonly #privateMounts: string[];
  readonly #criuPath: string;
  readonly #isYouki: boolean;

  /** @param program the runtime */
  constructor(config: RuncConfig, { version, notes }: ProgramVersion) {
    this.#config = config;
    this.version = version;
    this.notes = notes;
    this.pauseProgram = config.pausePath;
    this.#privateMounts = privateMounts(version);
    // youki cannot restore what it has checkpointed.
    this.#isYouki = version.startsWith("youki ");
    this.#criuPath = this.#isYouki ? "" : config.criuPath;
    const always = ["exec", "tty", "stats", "update", "pause", "oom"];
    this.capabilities = this.#criuPath === "" ? always : [...always, "checkpoint"];
  }

  requirements(): Requirement[] {
    const { runtimePath, pausePath } = this.#config;
    return [
      {
        what: "the OCI runtime (runtime_path)",
        path: runtimePath,
        remedy: "`deno task setup`, or apt-get install crun or runc",
      },
      { what: "the agent (pause_path)", path: pausePath, remedy: "`deno task setup`" },
    ];
  }

  runtime(container: PreparedContainer): RuntimeChoice {
    const { sandboxPaths } = container;
    if (this.#isYouki) container.spec = youkiSpec(container.spec);
    const { runtimePath, runtimeArgs } = this.#config;
    return {
      kind: HostRuntime_Kind.RUNC,
      command: runtimePath,
      globalArgs: ["--root", sandboxPaths.runtime, ...runtimeArgs],
      privateMounts: this.#privateMounts,
      criu: this.#criuPath,
    };
  }
}
