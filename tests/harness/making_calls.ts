import type { Cri } from "../../lib/cri/mod.ts";
import { KuasarError } from "../../lib/errors/mod.ts";

/** What makes something that nobody lists before the call has ended. */
const MAKING: readonly PropertyKey[] = ["runPodSandbox", "createContainer", "startContainer"];

/** Longer than that a node that is to be stopped waits for none. */
const END_TIMEOUT_MS = 60_000;

/** The calls to a node's containerd that make something and are under way. */
export class MakingCalls {
  readonly #calls = new Set<Promise<unknown>>();
  readonly #ids: Set<string>;
  #over = false;

  /** @param ids gets those of what is made */
  constructor(ids: Set<string>) {
    this.#ids = ids;
  }

  /** The same client, whose calls are noted here. */
  noting(cri: Cri): Cri {
    type Call = (...args: unknown[]) => Promise<unknown>;
    const runtime = new Proxy(cri.runtime, {
      get: (target, name) => {
        const call = Reflect.get(target, name) as Call;
        return MAKING.includes(name) ? (...args: unknown[]) => this.#note(() => call(...args)) : call;
      },
    });
    return { ...cri, runtime, close: () => cri.close() };
  }

  async #note(call: () => Promise<unknown>): Promise<unknown> {
    if (this.#over) {
      throw new KuasarError("CANCELLED", "Cannot make anything on this node: it is being stopped");
    }
    const running = call();
    this.#calls.add(running);
    try {
      const answer = await running as { podSandboxId?: string; containerId?: string };
      for (const id of [answer.podSandboxId, answer.containerId]) if (id) this.#ids.add(id);
      return answer;
    } finally {
      this.#calls.delete(running);
    }
  }

  /** Lets no more begin, and waits for those that have. */
  async end(): Promise<void> {
    this.#over = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise((resolve) => timer = setTimeout(resolve, END_TIMEOUT_MS));
    await Promise.race([Promise.allSettled(this.#calls), late]);
    clearTimeout(timer);
  }
}
