import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import {
  SandboxState,
  type StartRequest,
  type StartResponse,
} from "../../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import type { DriverProcess } from "./driver_process.ts";
import type { DriverTest } from "./mod.ts";

/** What the tests of every driver must know of its sandboxes. */
export interface SandboxSubject {
  /** What a sandbox must be started with so that it has a process. */
  withProcess: Partial<StartRequest>;
  /** Rejects where what runs in a sandbox does not answer. */
  alive(started: StartResponse): Promise<void>;
  /** Has a sandbox end, as one mostly does. */
  end(process: DriverProcess, sandboxId: string, started: StartResponse): Promise<void>;
}

/** What every driver must do, whatever its sandboxes are. */
export function sandboxTests(test: DriverTest, { withProcess, alive, end }: SandboxSubject): void {
  test("a running sandbox can be removed at once, and its id used again", "none", async (process) => {
    for (let i = 0; i < 2; i++) {
      await process.start("s1");
      await process.client.remove({ sandboxId: "s1" });
    }
  });

  test("a second start of one id is refused and changes nothing", "none", async (process) => {
    const [first, second] = await Promise.allSettled([process.start("s1"), process.start("s1")]);
    ok(first.status === "fulfilled");
    ok(second.status === "rejected");
    strictEqual(second.reason.code, "ALREADY_EXISTS");
    await rejects(process.start("s1"), { code: "ALREADY_EXISTS" });
    strictEqual((await process.client.status({ sandboxId: "s1" })).state, SandboxState.RUNNING);
    await alive(first.value);
    await process.client.remove({ sandboxId: "s1" });
  });

  for (const id of ["", "..", "a/b", "-x", "a".repeat(129), "a\nb"]) {
    test(`the id ${JSON.stringify(id.slice(0, 8))} (${id.length}) is refused`, "none", async (process) => {
      await rejects(process.start(id), { code: "INVALID_ARGUMENT" });
    });
  }

  test("a killed driver comes back and adopts its sandboxes", "none", async (process) => {
    const started = await process.start("s1");
    await process.start("s2");
    await process.client.stop({ sandboxId: "s2", graceMs: 0 });
    const exit = await process.wait("s2");
    await process.kill();
    await alive(started);
    await process.launch("none");

    deepStrictEqual((await process.client.list({})).sandboxIds, ["s1", "s2"]);
    deepStrictEqual(await process.wait("s2"), exit, "what was known of an end is still known");
    const { state, pid, guest } = await process.client.status({ sandboxId: "s1" });
    deepStrictEqual([state, pid, guest], [SandboxState.RUNNING, started.pid, started.guest]);
    await alive(started);
    await rejects(process.start("s1"), { code: "ALREADY_EXISTS" });

    await process.start("s3");
    const wait = process.wait("s1");
    await end(process, "s1", started);
    await wait;
    for (const sandboxId of ["s1", "s2", "s3"]) await process.client.remove({ sandboxId });
  });

  endsUnseen(test, () => withProcess);

  test("the driver keeps no descriptor of what is gone", "none", async (process) => {
    const cycle = async () => {
      const started = await process.start("s1", withProcess);
      const wait = process.wait("s1");
      await end(process, "s1", started);
      await wait;
      await process.client.remove({ sandboxId: "s1" });
    };
    await cycle();
    const before = process.openFiles();
    for (let i = 0; i < 3; i++) await cycle();
    await process.assertOpenFiles(before);
  });
}

/** The end of a sandbox's process while no driver runs. @param change of the sandbox's start */
export function endsUnseen(test: DriverTest, change: () => Partial<StartRequest>, what = "a sandbox"): void {
  test(`${what} that ends while no driver runs is known to have ended`, "none", async (process) => {
    const { pid } = await process.start("s1", change());
    await process.kill();
    const gone = process.ended(pid);
    Deno.kill(pid, "SIGKILL");
    await gone;
    await process.launch("none");
    strictEqual((await process.client.status({ sandboxId: "s1" })).state, SandboxState.STOPPED);
    ok((await process.wait("s1")).exitedAt!.seconds > 0n);
    await process.client.remove({ sandboxId: "s1" });
  });
}
