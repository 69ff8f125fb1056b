import * as sys from "../native/sys.js";
import { log } from "../runtime/log.ts";
import { within } from "../runtime/deadline.ts";
import type { DescriptorKeeper } from "./descriptor_keeper.ts";
import type { HostProcess } from "./host_process.ts";

/** Set by the keeper (guest/native/keeper.c): the descriptor of the channel to it. */
const VARIABLE = "KUASAR_KEEPER_FD";
const MAX_LINE_BYTES = 512;
/** The keeper tells everything at once. */
const TELL_TIMEOUT_MS = 5_000;

/** How an orphan has ended. */
export interface OrphanExit {
  /** Exit code, or 128 + signal. */
  code: number;
  atNs: bigint;
}

/**
 * The channel to the keeper, the parent of this server: it reaps the containers of servers that have died, and holds descriptors
 * that must not close with this one.
 */
export class Keeper implements DescriptorKeeper {
  readonly #fd: number;
  readonly #exits = new Map<string, OrphanExit>();
  readonly #waiting = new Map<string, (exit: OrphanExit) => void>();
  readonly #kept = new Map<string, number>();
  readonly #unsent: { line: string; fds: number[] }[] = [];
  readonly #told: Promise<void>;
  #tellEnd: () => void = () => {};
  #settled = false;

  private constructor(fd: number) {
    this.#fd = fd;
    this.#told = new Promise((resolve) => this.#tellEnd = resolve);
  }

  /** The keeper of this server, once it has told all it knows; undefined for a server that runs without. */
  static async connect(): Promise<Keeper | undefined> {
    const fd = Number(sys.getenv(VARIABLE) ?? -1);
    if (!Number.isInteger(fd) || fd < 3) return undefined;
    sys.setCloexec(fd, true);
    sys.setNonblock(fd, true);
    const keeper = new Keeper(fd);
    keeper.#watch();
    await within(TELL_TIMEOUT_MS, "hear what the keeper knows", keeper.#told);
    return keeper;
  }

  /** How this process has ended, or will have; never where it is no orphan of the keeper's. */
  exitOf(process: HostProcess): Promise<OrphanExit> {
    const known = this.#exits.get(keyOf(process));
    if (known) return Promise.resolve(known);
    return new Promise((resolve) => this.#waiting.set(keyOf(process), resolve));
  }

  /** An exit is written down: the keeper may forget it. */
  done(process: HostProcess): void {
    this.#waiting.delete(keyOf(process));
    if (this.#exits.delete(keyOf(process))) this.#send(`DONE ${keyOf(process)}`);
  }

  /** Every container has been taken over: what nobody waits for, nobody ever will. */
  settle(): void {
    this.#settled = true;
    for (const key of this.#exits.keys()) {
      if (!this.#waiting.has(key)) this.#forget(key);
    }
    for (const key of [...this.#kept.keys()]) this.drop(key);
  }

  keep(key: string, fd: number): void {
    this.#send(`KEEP ${key}`, [fd]);
  }

  take(key: string): number {
    const fd = this.#kept.get(key) ?? -1;
    this.#kept.delete(key);
    return fd;
  }

  drop(key: string): void {
    const fd = this.take(key);
    if (fd >= 0) sys.close(fd);
    this.#send(`DROP ${key}`);
  }

  #forget(key: string): void {
    this.#exits.delete(key);
    this.#send(`DONE ${key}`);
  }

  #watch(): void {
    sys.watch(this.#fd, sys.EPOLL.IN | (this.#unsent.length > 0 ? sys.EPOLL.OUT : 0), () => {
      this.#flush();
      if (!this.#hear()) {
        // We are about to be ended too; until then orphans are somebody else's.
        log.warn("the keeper has ended");
        sys.unwatch(this.#fd);
      }
    });
  }

  /** @returns false at the end of the channel */
  #hear(): boolean {
    for (;;) {
      const message = sys.recvFds(this.#fd, MAX_LINE_BYTES);
      if (!message) return true;
      if (message.data.length === 0) return false;
      const [word, ...rest] = sys.utf8Decode(message.data).split(" ");
      const [kept = -1, ...others] = message.fds;
      for (const fd of others) sys.close(fd);
      if (word === "KEPT" && kept >= 0) this.#kept.set(rest.join(" "), kept);
      else if (kept >= 0) sys.close(kept);
      if (word === "EXIT") this.#exited(rest);
      if (word === "END") this.#tellEnd();
    }
  }

  #exited([pid, startTime, code, atNs]: string[]): void {
    const key = `${pid} ${startTime}`;
    const exit = { code: Number(code), atNs: BigInt(atNs ?? 0) };
    this.#exits.set(key, exit);
    const tell = this.#waiting.get(key);
    if (tell) tell(exit);
    else if (this.#settled) this.#forget(key);
  }

  #send(line: string, fds: number[] = []): void {
    // What waits has a descriptor of its own: the caller may close its one meanwhile.
    this.#unsent.push({ line, fds: fds.map((fd) => sys.dup(fd)) });
    this.#flush();
    this.#watch();
  }

  #flush(): void {
    try {
      for (let next = this.#unsent[0]; next; next = this.#unsent[0]) {
        const bytes = sys.utf8Encode(next.line);
        const sent = next.fds.length > 0 ? sys.sendFds(this.#fd, bytes, next.fds) : sys.send(this.#fd, bytes);
        if (sent < 0) return;
        this.#unsent.shift();
        for (const fd of next.fds) sys.close(fd);
      }
    } catch (error) {
      log.debug("cannot tell the keeper", { error });
      for (const { fds } of this.#unsent.splice(0)) for (const fd of fds) sys.close(fd);
    }
  }
}

function keyOf({ pid, startTime }: HostProcess): string {
  return `${pid} ${startTime}`;
}
