import { asKuasarError, KuasarError } from "../../../lib/errors/mod.ts";
import { MAX_SPEC_LENGTH, parseSpec } from "../../../lib/oci/mod.ts";
import type { HostRuntime } from "../../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import * as sys from "../../native/sys.js";
import { log } from "../../runtime/log.ts";
import { openCgroup } from "../../task/cgroup.ts";
import { type HostProcess, watchEnd } from "../host_process.ts";
import type { GuestTask, SandboxLink } from "../sandbox_link.ts";
import { TaskConnection } from "./connection.ts";
import { type SandboxFifo, stdioIn } from "./stdio_paths.ts";

/** Of a program's name in an error. */
const MAX_SHOWN = 200;

/** The link to a sandbox that serves containerd's Task API itself (Quark). It is over when its process ends. */
export class TaskServerLink implements SandboxLink {
  readonly sandboxId: string;
  readonly process: HostProcess;
  readonly local = true;
  readonly ownTerminals = true;
  readonly died: Promise<void>;
  readonly #cgroup: string;
  readonly #connection: TaskConnection;
  readonly #task: GuestTask;
  /** Replaced when the watch is set; the process may have ended before. */
  #stopWatch: () => void = () => {};
  readonly #onClose: () => void;
  /** Bundles on the host, by container. */
  readonly #bundles = new Map<string, string>();
  /** What is mounted below them, by `<container>/<exec>`. */
  readonly #fifos = new Map<string, SandboxFifo[]>();
  #dead = false;
  #die: () => void = () => {};

  constructor(
    sandboxId: string,
    process: HostProcess,
    { taskSocket, cgroup }: HostRuntime,
    onClose: () => void,
  ) {
    this.sandboxId = sandboxId;
    this.process = process;
    this.#cgroup = cgroup;
    this.#connection = new TaskConnection(taskSocket);
    this.#onClose = onClose;
    this.#task = this.#makeTask();
    this.died = new Promise((resolve) => this.#die = resolve);
    this.#stopWatch = watchEnd(process, () => {
      log.warn("the sandbox has ended", { sandbox: sandboxId, pid: process.pid });
      this.close();
    });
  }

  get pid(): number {
    return this.process.pid;
  }

  get dead(): boolean {
    return this.#dead;
  }

  /** A container that this link is for. @param bundle on the host */
  add(container: string, bundle: string): void {
    this.#bundles.set(container, bundle);
  }

  task<T>(work: (task: GuestTask) => Promise<T>): Promise<T> {
    return work(this.#task);
  }

  openStream(container: string, _exec: string, name: string): Promise<number> {
    return Promise.reject(
      new KuasarError("NOT_FOUND", `Cannot open ${name} of ${container}: its sandbox has the FIFO itself`),
    );
  }

  close(): void {
    if (this.#dead) return;
    this.#dead = true;
    this.#stopWatch();
    this.#connection.close();
    for (const key of [...this.#fifos.keys()]) this.#unmount(key);
    this.#onClose();
    this.#die();
  }

  /**
   * The sandbox's service with what must be different: the stdio is moved to where the sandbox sees it, and the pid is one
   * of the host's, for which it always says 123.
   */
  #makeTask(): GuestTask {
    const call = <T>(work: (task: GuestTask) => Promise<T>, repeat?: boolean) =>
      this.#connection.call(work, repeat);
    const { pid } = this.process;
    return {
      create: async (request) => {
        const { id } = request;
        const paths = this.#mountStdio(id, "", request);
        try {
          await call(
            (task) => task.create({ ...request, ...paths, bundle: `/${id}`, options: undefined }),
            false,
          );
        } catch (error) {
          this.#unmount(keyOf(id, ""));
          throw error;
        }
        return { pid };
      },
      exec: async (request) => {
        const { id, execId } = request;
        const paths = this.#mountStdio(id, execId, request);
        try {
          return await call((task) => task.exec({ ...request, ...paths }), false);
        } catch (error) {
          this.#unmount(keyOf(id, execId));
          throw error;
        }
      },
      start: async (request) => {
        try {
          await call((task) => task.start(request), false);
        } catch (error) {
          throw request.execId === "" ? this.#startFailure(request.id, error) : error;
        }
        return { pid };
      },
      state: async (request) => ({ ...await call((task) => task.state(request)), pid }),
      delete: async (request) => {
        const answer = await call((task) => task.delete(request));
        this.#unmount(keyOf(request.id, request.execId));
        if (request.execId === "") this.#bundles.delete(request.id);
        return { ...answer, pid };
      },
      stats: ({ id }) => this.#stats(id),
      wait: (request) => call((task) => task.wait(request)),
      kill: (request) => call((task) => task.kill(request)),
      pids: (request) => call((task) => task.pids(request)),
      pause: (request) => call((task) => task.pause(request)),
      resume: (request) => call((task) => task.resume(request)),
      resizePty: (request) => call((task) => task.resizePty(request)),
      closeIO: (request) => call((task) => task.closeIO(request)),
      update: (request) => call((task) => task.update(request)),
      checkpoint: (request) => call((task) => task.checkpoint(request)),
      connect: () => Promise.resolve({ shimPid: sys.getpid(), taskPid: pid, version: "3" }),
      // Its sandbox ends when the pod does.
      shutdown: () => Promise.resolve({}),
    };
  }

  /** A sandbox says why it cannot start a container, not what it was to start. */
  #startFailure(id: string, cause: unknown): KuasarError {
    const { code, message, evidence } = asKuasarError(cause);
    const [program = ""] = parseSpec(
      sys.readTextFile(`${this.#bundles.get(id)}/config.json`, MAX_SPEC_LENGTH),
    ).process?.args ?? [];
    const shown = JSON.stringify(program.slice(0, MAX_SHOWN));
    return new KuasarError(code, `Cannot start ${shown} in ${id}: ${message}`, { cause, evidence });
  }

  /** The sandbox tells nothing; what the host has counted for it is all its only container's, and nobody's where there are more. */
  #stats(id: string) {
    if (this.#cgroup === "" || this.#bundles.size !== 1) {
      const reason = this.#cgroup === ""
        ? "its pod has no cgroup"
        : "it shares its sandbox, which is measured as a whole";
      return Promise.reject(new KuasarError("UNIMPLEMENTED", `Cannot measure ${id}: ${reason}`));
    }
    return Promise.resolve({ stats: openCgroup(this.#cgroup).metrics() });
  }

  #mountStdio(
    container: string,
    exec: string,
    { stdin, stdout, stderr, terminal }: { stdin: string; stdout: string; stderr: string; terminal: boolean },
  ) {
    const bundle = this.#bundles.get(container);
    if (bundle === undefined) throw new KuasarError("NOT_FOUND", `Cannot find container ${container}`);
    const { fifos, paths } = stdioIn(bundle, container, exec, { stdin, stdout, stderr, terminal });
    const key = keyOf(container, exec);
    this.#fifos.set(key, []);
    try {
      for (const fifo of fifos) {
        if (sys.stat(fifo.source).type !== "fifo") {
          throw new KuasarError("INVALID_ARGUMENT", `Cannot use ${fifo.source} for stdio: it is no FIFO`);
        }
        sys.writeFile(fifo.target, "", 0o600);
        this.#fifos.get(key)!.push(fifo);
        sys.mount(fifo.source, fifo.target, "", sys.MS.BIND);
      }
    } catch (error) {
      this.#unmount(key);
      throw error;
    }
    return paths;
  }

  #unmount(key: string): void {
    for (const { target } of this.#fifos.get(key) ?? []) {
      try {
        sys.umount(target, sys.MNT.DETACH | sys.MNT.NOFOLLOW);
      } catch {
        // It was not mounted, or the sandbox's removal was faster.
      }
      if (sys.exists(target)) sys.unlink(target);
    }
    this.#fifos.delete(key);
  }

  /** Takes over what an earlier run has mounted for a process. */
  adoptStdio(
    container: string,
    exec: string,
    paths: { stdin: string; stdout: string; stderr: string; terminal: boolean },
  ): void {
    const bundle = this.#bundles.get(container);
    if (bundle !== undefined) {
      this.#fifos.set(keyOf(container, exec), stdioIn(bundle, container, exec, paths).fifos);
    }
  }
}

function keyOf(container: string, exec: string): string {
  return `${container}/${exec}`;
}
