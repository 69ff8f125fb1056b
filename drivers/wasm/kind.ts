import { asKuasarError } from "../../lib/errors/mod.ts";
import type { Logger } from "../../lib/log/mod.ts";
import { HostRuntime_Kind } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import type { PreparedContainer, RuntimeChoice, SandboxKind } from "../contract/host/kind.ts";
import { privateMounts } from "../contract/host/private_mounts.ts";
import type { ProgramVersion } from "../contract/program_version.ts";
import type { Requirement } from "../contract/vm/preflight.ts";
import { timeLimitMs, withoutOrders } from "./annotations.ts";
import { ArtifactStore } from "./artifact.ts";
import type { WasmConfig } from "./config.ts";
import { checkDeclaredMemory, declaredMemory } from "./declared_memory.ts";
import { engineRun, GUEST_ROOT, MODULE_DIR } from "./engine_run.ts";
import { engineSpec } from "./engine_spec.ts";
import { findModule, type HostModule } from "./module.ts";
import { askEngine, makeToolchain, type Toolchain } from "./toolchain.ts";
import { placeVolumes } from "./volumes.ts";

/** What the kind is made from. */
export interface WasmKindOptions {
  config: WasmConfig;
  /** Directory of the driver. */
  driverDir: string;
  /** The OCI runtime. */
  runtime: ProgramVersion;
  log: Logger;
}

/**
 * Pods of plain namespaces, in which modules run under a Wasm engine and everything else as a Linux container: each engine
 * is a container of its own, with the pod's namespaces and cgroup, made by the OCI runtime.
 */
export class WasmKind implements SandboxKind {
  readonly name = "wasm";
  readonly version: string;
  readonly notes: readonly string[];
  readonly capabilities = ["wasm", "stats", "update", "pause", "oom"];
  readonly pauseProgram: string;
  readonly #config: WasmConfig;
  readonly #driverDir: string;
  readonly #log: Logger;
  readonly #privateMounts: string[];
  readonly #artifacts: ArtifactStore;
  #toolchain: Promise<Toolchain> | undefined;

  private constructor(
    { config, driverDir, runtime, log }: WasmKindOptions,
    engine: string,
    notes: string[],
  ) {
    this.#config = config;
    this.#driverDir = driverDir;
    this.#log = log;
    this.version = [engine, runtime.version].filter(Boolean).join(" in ");
    this.notes = [...notes, ...runtime.notes];
    this.pauseProgram = config.pausePath;
    this.#privateMounts = privateMounts(runtime.version);
    this.#artifacts = new ArtifactStore(
      config.containerdAddress,
      `${config.rootPath}/artifacts`,
      config.artifacts,
      log,
    );
  }

  /** Looks for the engine, and does no more: such a kind starts nothing. */
  static async look(options: WasmKindOptions): Promise<WasmKind> {
    try {
      return new WasmKind(options, (await askEngine(options.config)).text, []);
    } catch (error) {
      return new WasmKind(options, "", [asKuasarError(error).message]);
    }
  }

  /** Looks for the engine, and makes it ready. */
  static async load(options: WasmKindOptions): Promise<WasmKind> {
    const { config, driverDir, log } = options;
    try {
      const toolchain = await makeToolchain(config, driverDir, log);
      const kind = new WasmKind(options, toolchain.build.text, []);
      kind.#toolchain = Promise.resolve(toolchain);
      return kind;
    } catch (error) {
      // It may be installed later; until then each start says what is missing.
      return new WasmKind(options, "", [asKuasarError(error).message]);
    }
  }

  requirements(): Requirement[] {
    const { enginePath, runtimePath, pausePath, engine } = this.#config;
    return [
      {
        what: `the engine (engine.path, ${engine})`,
        path: enginePath,
        remedy: "`deno task setup`, or apt-get install wasmedge",
      },
      {
        what: "the OCI runtime (runtime_path)",
        path: runtimePath,
        remedy: "`deno task setup`, or apt-get install crun or runc",
      },
      { what: "the agent (pause_path)", path: pausePath, remedy: "`deno task setup`" },
    ];
  }

  async runtime(container: PreparedContainer): Promise<RuntimeChoice> {
    const { runtimePath, runtimeArgs } = this.#config;
    const choice = {
      kind: HostRuntime_Kind.RUNC,
      command: runtimePath,
      globalArgs: ["--root", container.sandboxPaths.runtime, ...runtimeArgs],
      privateMounts: this.#privateMounts,
    };
    const module = await findModule(container, this.#artifacts);
    const { annotations } = container.spec;
    container.spec = { ...container.spec, annotations: withoutOrders(annotations) };
    if (!module) return choice;
    const limitMs = timeLimitMs(annotations, this.#config.timeLimitMs);
    await this.#useEngine(container, module);
    return {
      ...choice,
      execRefusal: `it runs the Wasm module ${module.name}, and a module has no other programs`,
      timeLimitMs: limitMs,
      defaultSignals: true,
    };
  }

  /** Replaces a container's spec by one that runs its module. */
  async #useEngine(container: PreparedContainer, module: HostModule): Promise<void> {
    const { engine, build, root, compiler } = await this.#loadToolchain();
    const { spec, rootfs } = container;
    const compiled = await compiler?.compiled(module.path);
    const files = new Map<string, string>();
    if (compiled !== undefined) {
      files.set(module.name.replace(/(\.wasm)?$/, engine.compiledSuffix), compiled);
    } else if (module.inside === undefined) files.set(module.name, module.path);
    const [ownName] = files.keys();
    const volumes = placeVolumes(spec, rootfs);
    const run = engineRun(spec, {
      path: ownName === undefined ? GUEST_ROOT + module.inside : `${MODULE_DIR}/${ownName}`,
      format: module.format,
      precompiled: compiled !== undefined,
      func: module.func,
    }, volumes);
    // WasmEdge would start it with less than it declares, and it would then write where it has nothing.
    if (module.format === "module") {
      checkDeclaredMemory(module.name, declaredMemoryOf(module.path), run.memoryLimit);
    }
    container.spec = engineSpec(spec, {
      root,
      args: engine.run(run, build),
      rootfs,
      volumes,
      moduleFiles: files,
      pluginPath: this.#config.pluginPath,
    });
  }

  #loadToolchain(): Promise<Toolchain> {
    this.#toolchain ??= makeToolchain(this.#config, this.#driverDir, this.#log).catch((error) => {
      this.#toolchain = undefined;
      throw error;
    });
    return this.#toolchain;
  }
}

/** @param path on the host */
function declaredMemoryOf(path: string): bigint | undefined {
  using file = Deno.openSync(path);
  return declaredMemory((offset, length) => {
    const bytes = new Uint8Array(length);
    file.seekSync(offset, Deno.SeekMode.Start);
    return bytes.subarray(0, file.readSync(bytes) ?? 0);
  });
}
