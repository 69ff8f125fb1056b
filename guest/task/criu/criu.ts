import { asKuasarError, KuasarError } from "../../../lib/errors/mod.ts";
import type { CheckpointOptions } from "../../../lib/proto/gen/containerd/runc/v1/options.ts";
import * as sys from "../../native/sys.js";
import type { CreateOptions, OciRuntime } from "../oci_runtime.ts";
import type { IoRequest } from "../stdio.ts";
import { dumpConfig, restoreConfig } from "./config.ts";
import { criuErrors } from "./criu_log.ts";
import { FOREIGN, type ImageRecord, parseImageRecord, RECORD_FILE } from "./image_record.ts";
import { sharedFlags, sharedOptions } from "./options.ts";
import { stdioKeys } from "./stdio_keys.ts";

const MAX_RECORD_BYTES = 64 << 10;
const MAX_LOG_BYTES = 32 << 20;

/** What the runtimes say where they cannot work with CRIU at all. */
const UNUSABLE =
  /libcriu|executable file not found|unknown command|not supported|without (?:support for )?criu|version check failed/i;

/** A container that is to be checkpointed. */
export interface Dump {
  id: string;
  /** Where the log of a failure is put. */
  bundle: string;
  io: IoRequest;
  /** Of all its processes. */
  pids: readonly number[];
  /** Directory for the checkpoint. */
  path: string;
  options: CheckpointOptions;
}

/** A container that is to be made from a checkpoint. */
export interface Restore {
  id: string;
  bundle: string;
  /** Directory of the checkpoint. */
  path: string;
}

/** Calls under way, over all runtimes: their files may lie in one directory. */
let calls = 0;

/**
 * Checkpoints by CRIU, which the runtime calls. What the runtimes have no flags for is in a configuration file that CRIU finds
 * by its environment: both take it from there, and nothing of it has to be known when the container is created.
 */
export class Criu {
  readonly #program: string;
  readonly #directory: string;

  /** @param directory for files of calls under way; it must exist */
  constructor(program: string, directory: string) {
    this.#program = program;
    this.#directory = directory;
  }

  /** @throws KuasarError FAILED_PRECONDITION where there is no CRIU */
  mustBeThere(what: string): void {
    if (sys.exists(this.#program)) return;
    throw new KuasarError(
      "FAILED_PRECONDITION",
      `Cannot ${what}: there is no CRIU at ${this.#program}; install the package criu, or set criu_path in the driver's configuration`,
    );
  }

  /**
   * Writes a container's processes into a directory; they go on afterwards unless they are to exit.
   *
   * @throws KuasarError FAILED_PRECONDITION where this host cannot, INTERNAL with CRIU's last words
   */
  async dump(runtime: OciRuntime, { id, bundle, io, pids, path, options }: Dump): Promise<void> {
    const what = `checkpoint container ${id}`;
    this.mustBeThere(what);
    if (!path.startsWith("/")) {
      throw new KuasarError(
        "INVALID_ARGUMENT",
        `Cannot ${what}: the path ${JSON.stringify(path)} is not absolute`,
      );
    }
    const shared = sharedOptions(options);
    const keys = stdioKeys(pids, io);
    const record: ImageRecord = { keys, options: shared };
    sys.mkdirAll(path, 0o700);
    sys.writeFile(`${path}/${RECORD_FILE}`, JSON.stringify(record), 0o600);
    const files = { bundle, workPath: options.workPath, log: "dump.log" };
    const config = dumpConfig({ keys, openTcp: shared.openTcp });
    await this.#call(what, files, config, (workPath, env) => {
      const flags = [
        ...["--image-path", path, "--work-path", workPath],
        ...(options.exit ? [] : ["--leave-running"]),
        ...(options.cgroupsMode === "" ? [] : ["--manage-cgroups-mode", options.cgroupsMode]),
        ...sharedFlags(shared),
      ];
      return runtime.checkpoint(id, flags, env);
    });
  }

  /**
   * Makes a container from a checkpoint; its processes run.
   *
   * @returns the pid of its init
   * @throws KuasarError as {@link dump}
   */
  async restore(runtime: OciRuntime, wanted: Restore, options: CreateOptions): Promise<number> {
    const { id, bundle, path } = wanted;
    const what = `restore container ${id}`;
    this.mustBeThere(what);
    const { keys, options: shared } = recordIn(path);
    const config = restoreConfig({ keys, openTcp: shared.openTcp });
    return await this.#call(what, { bundle, workPath: "", log: "restore.log" }, config, (work, env) => {
      const flags = ["--image-path", path, "--work-path", work, ...sharedFlags(shared)];
      return runtime.restore(id, bundle, flags, env, options);
    });
  }

  async #call<T>(
    what: string,
    files: { bundle: string; workPath: string; log: string },
    config: string,
    run: (workPath: string, env: Readonly<Record<string, string>>) => Promise<T>,
  ): Promise<T> {
    const own = `${this.#directory}/criu-${sys.getpid()}-${++calls}`;
    const workPath = files.workPath || `${own}/work`;
    try {
      sys.mkdirAll(own, 0o700);
      sys.mkdirAll(workPath, 0o700);
      sys.writeFile(`${own}/criu.conf`, config, 0o600);
      const folder = this.#program.slice(0, this.#program.lastIndexOf("/"));
      const env = {
        CRIU_CONFIG_FILE: `${own}/criu.conf`,
        // Both runtimes look for CRIU by its name.
        PATH: `${folder}:${sys.getenv("PATH") ?? "/usr/sbin:/usr/bin:/sbin:/bin"}`,
      };
      return await run(workPath, env);
    } catch (error) {
      throw failure(
        what,
        asKuasarError(error),
        `${workPath}/${files.log}`,
        `${files.bundle}/criu-${files.log}`,
      );
    } finally {
      sys.removeAll(own);
    }
  }
}

/** @throws KuasarError NOT_FOUND where there is no checkpoint, INVALID_ARGUMENT for a bad one */
function recordIn(path: string): ImageRecord {
  if (!sys.exists(`${path}/inventory.img`)) {
    throw new KuasarError(
      "NOT_FOUND",
      `Cannot restore: there is no checkpoint of CRIU's at ${JSON.stringify(path)}`,
    );
  }
  const file = `${path}/${RECORD_FILE}`;
  return sys.exists(file) ? parseImageRecord(sys.readTextFile(file, MAX_RECORD_BYTES)) : FOREIGN;
}

/** The runtime says no more than that CRIU has failed; why is in CRIU's log, of which a copy is kept. */
function failure(what: string, error: KuasarError, logPath: string, copyPath: string): KuasarError {
  const reason = error.message.replace(/^Cannot [^:]*: /, "");
  let log = "";
  try {
    log = sys.readTextFile(logPath, MAX_LOG_BYTES);
    sys.writeFile(copyPath, log, 0o600);
  } catch {
    // CRIU was not even called.
  }
  const words = criuErrors(log);
  const told = log === "" ? "" : `; CRIU: ${words.join("; ") || "no error"} (all of it in ${copyPath})`;
  const unusable = log === "" && UNUSABLE.test(reason);
  const remedy = unusable ? "; this runtime and CRIU do not go together, `kuasar-ctl check` tells more" : "";
  return new KuasarError(
    unusable ? "FAILED_PRECONDITION" : error.code === "DEADLINE_EXCEEDED" ? error.code : "INTERNAL",
    `Cannot ${what}: ${reason}${told}${remedy}`,
    { cause: error, evidence: [...(error.evidence ?? []), ...words] },
  );
}
