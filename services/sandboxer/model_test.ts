import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { Fixture } from "./testing/fixture.ts";
import { HeldJobs } from "./testing/held_jobs.ts";
import {
  type Action,
  CLEANUP_CALLS,
  type Model,
  NOTHING,
  outcomeOf,
  START_CALLS,
  type StartFault,
} from "./testing/model.ts";
import { failing } from "./testing/world.ts";

const ID = "s1";

/** A node on which a sequence of actions is tried against the model. */
class Run {
  #model: Model = NOTHING;
  readonly #fixture: Fixture;
  readonly #held: HeldJobs;
  readonly #bundle: string;

  private constructor(fixture: Fixture, held: HeldJobs, bundle: string) {
    this.#fixture = fixture;
    this.#held = held;
    this.#bundle = bundle;
  }

  /** Tries the actions one after the other; at the end what was left over must go. */
  static async of(actions: readonly Action[]): Promise<void> {
    const held = new HeldJobs();
    await Fixture.run(
      async (fixture) => {
        const bundle = await Deno.makeTempDir({ dir: fixture.runDir });
        const spec = { ociVersion: "1.2.0", linux: { namespaces: [{ type: "mount" }] } };
        await Deno.writeTextFile(`${bundle}/config.json`, JSON.stringify(spec));
        const run = new Run(fixture, held, bundle);
        for (const action of actions) await run.try(action);
        await run.try({ kind: "mend" });
        await run.try({ kind: "retry" });
        await run.try({ kind: "restart" });
      },
      {},
      held.later,
    );
  }

  async try(action: Action): Promise<void> {
    const before = this.#model;
    const { next, code } = outcomeOf(before, action);
    const result: unknown = await this.#act(action, next).then(
      () => undefined,
      (error) => error.code ?? error,
    );
    const what = `${JSON.stringify(action)} of ${JSON.stringify(before)}`;
    strictEqual(result, code, what);
    strictEqual(await this.#fixture.found(ID) ?? "none", next.state, `after ${what}`);
    this.#model = next;
    if (next.state === "stopping" || next.state === "removing") return;
    const left = next.state === "ready" ? [`network ${ID}`, `share ${ID}`, `vm ${ID}`] : [];
    deepStrictEqual(this.#fixture.world.leftovers(), left, `after ${what}`);
  }

  async #act(action: Action, next: Model): Promise<void> {
    const { world } = this.#fixture;
    switch (action.kind) {
      case "create":
        return await this.#fixture.create(ID);
      case "start":
        return await this.#failing(action.fault, () => this.#fixture.start(ID));
      case "run": {
        const request = { sandboxId: ID, runtime: "io.containerd.kuasar-vmm.v2", bundle: this.#bundle };
        return await this.#failing(
          action.fault,
          () => this.#fixture.withPrepare((prepare) => prepare.createStandalone(request)),
        );
      }
      case "release": {
        const request = { sandboxId: ID, containerId: ID };
        return void await this.#fixture.withPrepare((prepare) => prepare.releaseContainer(request));
      }
      case "stop":
        return void await this.#fixture.stop(ID);
      case "shutdown":
        return void await this.#fixture.shutdown(ID);
      case "restart":
        return await this.#fixture.restartSandboxer();
      case "break":
        return void world.faults.set(action.call, failing());
      case "mend":
        for (const call of CLEANUP_CALLS) world.faults.delete(call);
        return;
      case "crash":
        if (this.#model.state !== "ready") return;
        world.crash(ID);
        await this.#fixture.until(ID, next.state);
        // What happens now happens after the cleanup has failed.
        return await this.#waitFor(() => next.state !== "stopping" || this.#held.size > 0);
      case "retry":
        if (next.broken) return this.#held.begin();
        return await this.#waitFor(async () => {
          this.#held.begin();
          return (await this.#fixture.found(ID) ?? "none") === next.state;
        });
    }
  }

  async #failing(fault: StartFault | undefined, work: () => Promise<unknown>): Promise<void> {
    if (!fault) return void await work();
    const { faults } = this.#fixture.world;
    const call = START_CALLS[fault.at]!;
    faults.set(call, () => {
      if (fault.breaks) faults.set(fault.breaks, failing());
      failing()();
    });
    try {
      await work();
    } finally {
      faults.delete(call);
    }
  }

  async #waitFor(condition: () => boolean | Promise<boolean>): Promise<void> {
    for (let tries = 0; tries < 2000; tries++) {
      if (await condition()) return;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new Error("it never came to what the model says");
  }
}

const anyCleanup = fc.constantFrom(...CLEANUP_CALLS);
const fault = fc.record({ at: fc.nat(START_CALLS.length - 1), breaks: anyCleanup }, { requiredKeys: ["at"] });

const anyAction: fc.Arbitrary<Action> = fc.oneof(
  fc.constantFrom<Action>(
    { kind: "create" },
    { kind: "stop" },
    { kind: "shutdown" },
    { kind: "release" },
    { kind: "mend" },
    { kind: "crash" },
    { kind: "restart" },
    { kind: "retry" },
  ),
  fc.record({ kind: fc.constantFrom("start" as const, "run" as const), fault }, { requiredKeys: ["kind"] }),
  fc.record({ kind: fc.constant("break" as const), call: anyCleanup }),
) as fc.Arbitrary<Action>;

Deno.test("a start and a cleanup call their peers as the model says", async () => {
  await Fixture.run(async (fixture) => {
    const { world } = fixture;
    await fixture.runPod(ID);
    deepStrictEqual(world.calls, START_CALLS.map((call) => `${call} ${ID}`));
    world.crash(ID);
    await fixture.until(ID, "stopped");
    const cleanup = world.calls.slice(START_CALLS.length);
    deepStrictEqual(cleanup, CLEANUP_CALLS.map((call) => `${call} ${ID}`));
  });
});

Deno.test("any order of calls, failures, crashes and restarts ends in the state that the model says", async () => {
  const actions = fc.array(anyAction, { minLength: 1, maxLength: 12 });
  await fc.assert(fc.asyncProperty(actions, Run.of), { numRuns: 40, seed: 7 });
});

for (const [at, call] of START_CALLS.entries()) {
  Deno.test(`after a start that failed at ${call} and could not be undone, the next of its id is another`, async () => {
    for (const breaks of CLEANUP_CALLS) {
      const failed: Action = { kind: "run", fault: { at, breaks } };
      const mended: Action = { kind: "mend" };
      const again: Action[] = [{ kind: "run" }, { kind: "retry" }, { kind: "restart" }, { kind: "retry" }];
      // The next one may come at once, after an attempt to remove the first, and before the first is tried again.
      await Run.of([failed, mended, ...again]);
      for (const kind of ["release", "stop"] as const) await Run.of([failed, { kind }, mended, ...again]);
      // The next one may fail in the same way, and is to be finished as well.
      await Run.of([failed, mended, failed, mended, { kind: "retry" }, ...again]);
    }
  });
}
