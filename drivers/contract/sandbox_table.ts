import { KuasarError } from "../../lib/errors/mod.ts";
import type { CallContext } from "../../lib/grpc/mod.ts";
import type { StartResponse, WaitResponse } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { toTimestamp } from "./phases.ts";
import type { SandboxExit } from "./sandbox_exit.ts";

/** A sandbox as the table knows it. */
interface KnownSandbox {
  readonly id: string;
  /** The start under way; settles with it, never rejects. */
  starting: Promise<void>;
  /** Settles when the sandbox has ended. */
  readonly ended: Promise<SandboxExit>;
  /** Says that it has ended; only the first time counts. */
  end(exit: SandboxExit): void;
}

/** The sandboxes of a driver, from the beginning of their start until they are removed. */
export class SandboxTable<S extends KnownSandbox> {
  readonly #sandboxes: Map<string, S>;

  /** @param adopted of an earlier process */
  constructor(adopted: Iterable<S>) {
    this.#sandboxes = new Map([...adopted].map((sandbox) => [sandbox.id, sandbox]));
  }

  /** Their ids, in order. */
  ids(): string[] {
    return [...this.#sandboxes.keys()].sort();
  }

  /** undefined for one that is not there. */
  find(id: string): S | undefined {
    return this.#sandboxes.get(id);
  }

  /** @throws {KuasarError} NOT_FOUND */
  get(id: string): S {
    const sandbox = this.#sandboxes.get(id);
    if (!sandbox) throw new KuasarError("NOT_FOUND", `Cannot find sandbox ${id}: there is none`);
    return sandbox;
  }

  /** @throws {KuasarError} ALREADY_EXISTS */
  mustBeFree(id: string): void {
    if (!this.#sandboxes.has(id)) return;
    throw new KuasarError("ALREADY_EXISTS", `Cannot start sandbox ${id}: it exists`);
  }

  /** Adds a sandbox, whose id must be free, and starts it; it is gone again where that fails. */
  async start(sandbox: S, start: () => Promise<StartResponse>): Promise<StartResponse> {
    this.#sandboxes.set(sandbox.id, sandbox);
    const started = start();
    sandbox.starting = started.then(() => {}, () => {});
    try {
      return await started;
    } catch (error) {
      // Waiters of a sandbox that never was learn its end too.
      sandbox.end({ status: 255, atMs: Date.now(), evidence: [] });
      this.#forget(sandbox);
      throw error;
    }
  }

  /** Waits for the end of a sandbox, or until the caller gives up. @throws {KuasarError} NOT_FOUND, CANCELLED */
  async wait(id: string, { cancelled }: CallContext): Promise<WaitResponse> {
    const sandbox = this.get(id);
    const given = Promise.withResolvers<never>();
    const give = () => given.reject(new KuasarError("CANCELLED", `Cannot wait for sandbox ${id}: cancelled`));
    cancelled.addEventListener("abort", give, { once: true });
    try {
      const exit = await Promise.race([sandbox.ended, given.promise]);
      return { exitStatus: exit.status, exitedAt: toTimestamp(exit.atMs), evidence: exit.evidence };
    } finally {
      cancelled.removeEventListener("abort", give);
    }
  }

  /** Removes a sandbox by `remove`; an unknown id is fine. */
  async remove(id: string, remove: (sandbox: S) => Promise<void>): Promise<void> {
    const sandbox = this.#sandboxes.get(id);
    if (!sandbox) return;
    await remove(sandbox);
    this.#forget(sandbox);
  }

  /** A later one may have its id by now. */
  #forget(sandbox: S): void {
    if (this.#sandboxes.get(sandbox.id) === sandbox) this.#sandboxes.delete(sandbox.id);
  }
}
