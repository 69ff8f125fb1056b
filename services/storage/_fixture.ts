import { type Logger, LogKeeper } from "../../lib/log/mod.ts";
import { unmountBelow } from "../../lib/mounts/mod.ts";
import { ExitWatcher } from "../../lib/process/mod.ts";
import { ShareKind } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { type Environment } from "./environment.ts";
import { recover, type Recovery } from "./recovery.ts";
import { storageHandlers } from "./service.ts";
import { ImageStore } from "./block/image_store.ts";
import { imageDir } from "./paths.ts";
import { storageSettings } from "./settings.ts";
import { minimalSpec } from "./spec/_fixture.ts";
import { openState } from "./state.ts";
import { findVirtiofsd, stopVirtiofsd } from "./virtiofsd.ts";

/** What the set-up has unpacked. */
export const MKFS_EROFS = new URL("../../build/host/usr/bin/mkfs.erofs", import.meta.url).pathname;

/** A storage service without its socket, in a run directory of its own. */
export class TestStorage implements AsyncDisposable {
  readonly dir: string;
  readonly #lines: string[] = [];
  #onLine = () => {};
  environment!: Environment;
  handlers!: ReturnType<typeof storageHandlers>;

  constructor(readonly virtiofsd?: string) {
    Deno.mkdirSync("/run/kt-storage", { recursive: true });
    this.dir = Deno.makeTempDirSync({ dir: "/run/kt-storage", prefix: "t" });
    Deno.mkdirSync(`${this.dir}/run`);
    this.#open();
  }

  get runDir(): string {
    return `${this.dir}/run`;
  }

  /** Resolves when the service has logged such a message. */
  async logged(message: RegExp): Promise<void> {
    while (!this.#lines.some((line) => message.test(line))) {
      await new Promise<void>((resolve) => this.#onLine = resolve);
    }
  }

  /** As if the process had been killed and started again. */
  async restart(): Promise<Recovery> {
    await this.#close();
    this.#open();
    return await recover(this.environment);
  }

  share(sandboxId = "s1", kind = ShareKind.NINEP) {
    return this.handlers.createShare({ sandboxId, kind, cgroups: [], oomScoreAdj: undefined }, CONTEXT);
  }

  waitShare(sandboxId = "s1", cancelled: AbortSignal = CONTEXT.cancelled) {
    return this.handlers.waitShare({ sandboxId }, { ...CONTEXT, cancelled });
  }

  /** Writes a bundle with an overlay of one file and prepares it; `change` may alter spec and request. */
  prepare(containerId: string, change: (bundle: TestBundle) => void = () => {}) {
    const bundle: TestBundle = {
      spec: minimalSpec(),
      request: {
        sandboxId: "s1",
        containerId,
        bundle: `${this.dir}/${containerId}`,
        rootfs: [{ type: "overlay", source: "overlay", target: "", options: this.overlay(containerId) }],
        sharePid: false,
      },
    };
    change(bundle);
    Deno.mkdirSync(bundle.request.bundle, { recursive: true });
    Deno.writeTextFileSync(`${bundle.request.bundle}/config.json`, JSON.stringify(bundle.spec));
    return this.handlers.prepareContainer(bundle.request, CONTEXT);
  }

  overlay(name: string): string[] {
    const layer = (part: string) => `${this.dir}/layers/${name}-${part}`;
    for (const part of ["lower", "upper", "work"]) Deno.mkdirSync(layer(part), { recursive: true });
    Deno.writeTextFileSync(`${layer("lower")}/hello`, name);
    return [`lowerdir=${layer("lower")}`, `upperdir=${layer("upper")}`, `workdir=${layer("work")}`];
  }

  release(containerId: string, sandboxId = "s1") {
    return this.handlers.releaseContainer({ sandboxId, containerId }, CONTEXT);
  }

  remove(sandboxId = "s1") {
    return this.handlers.removeShare({ sandboxId }, CONTEXT);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of ["s1", "s2"]) {
      const shared = `${this.runDir}/storage/${id}/shared`;
      if (findVirtiofsd(shared).length) await stopVirtiofsd(this.environment, undefined, shared);
    }
    await this.#close();
    unmountBelow(this.dir);
    Deno.removeSync(this.dir, { recursive: true });
    try {
      Deno.removeSync("/run/kt-storage");
    } catch {
      // Another test still has its directory there.
    }
  }

  #open(): void {
    const say = (line: string) => {
      this.#lines.push(line);
      this.#onLine();
    };
    const log: Logger = { debug: say, info: say, warn: say, error: say, with: () => log };
    const { virtiofsd, block } = storageSettings(undefined, {
      virtiofsd: this.virtiofsd,
      mkfsErofs: MKFS_EROFS,
    });
    this.environment = {
      runDir: this.runDir,
      state: openState(this.runDir),
      virtiofsd,
      block,
      images: new ImageStore(imageDir(this.runDir), block.cache_mib),
      watcher: new ExitWatcher(),
      logKeeper: new LogKeeper(),
      log,
    };
    this.handlers = storageHandlers(this.environment);
  }

  async #close(): Promise<void> {
    this.environment.logKeeper.close();
    await this.environment.watcher.close();
    this.environment.state.close();
  }
}

interface TestBundle {
  spec: ReturnType<typeof minimalSpec>;
  request: Parameters<ReturnType<typeof storageHandlers>["prepareContainer"]>[0];
}

const CONTEXT = {
  metadata: new Map<string, string>(),
  deadline: undefined,
  cancelled: new AbortController().signal,
};
