/** A guest that does not answer: what is asked of others does not wait for it, and it can be ended. */
import { match, ok, rejects, strictEqual } from "node:assert/strict";
import { type GuestManner, mannerly, StandInGuests } from "../harness/stand_in_guests.ts";

const SIGTERM = 15;
const SIGKILL = 9;

/** As a guest should be, but for calls of which it answers so many. */
function silentTo(method: string, answered = 0): GuestManner {
  let calls = 0;
  return async (call) => {
    if (call.method !== method || ++calls <= answered) await mannerly(call);
  };
}

Deno.test("statistics of a silent guest are what it last said, and no answer is waited for twice", async () => {
  await StandInGuests.run(async (guests) => {
    await guests.add("late", silentTo("Stats", 1));
    await guests.add("mute", silentTo("Stats"));
    await guests.add("good", mannerly);
    const { task } = guests;
    await task.stats({ id: "late" });
    // It never answers again, and yet there is an answer, as often as somebody asks.
    for (let i = 0; i < 5; i++) ok((await task.stats({ id: "late" })).stats);
    const first = rejects(task.stats({ id: "mute" }), { code: "DEADLINE_EXCEEDED" });
    let waited = true;
    void first.then(() => waited = false);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await rejects(task.stats({ id: "mute" }), { code: "DEADLINE_EXCEEDED" });
    await task.stats({ id: "good" });
    ok(waited, "the first call has the guest's time, the next has none");
    await first;
  });
});

Deno.test("a kill and a delete that are not answered end the guest's VM and are done, other calls fail", async () => {
  await StandInGuests.run(async (guests) => {
    const { task, machines } = guests;
    for (const method of ["Kill", "Delete", "Exec"]) {
      await guests.add(method, silentTo(method), { machine: true });
    }
    const process = { cwd: "/", args: ["true"] };
    const spec = { typeUrl: "x", value: new TextEncoder().encode(JSON.stringify(process)) };
    const exec = { id: "Exec", execId: "e", terminal: false, stdin: "", stdout: "", stderr: "", spec };
    await Promise.all([
      task.kill({ id: "Kill", execId: "", signal: SIGKILL, all: true }),
      task.delete({ id: "Delete", execId: "" }),
      rejects(task.exec(exec), { code: "DEADLINE_EXCEEDED", message: /has not answered/ }),
    ]);
    strictEqual(machines.ended.length, 2, machines.ended.join());
    for (const line of machines.ended) match(line, /^(Kill|Delete): .*has not answered/);
    strictEqual((await task.wait({ id: "Kill", execId: "" })).exitStatus, 137);
    await task.delete({ id: "Kill", execId: "" });
    // A signal that may be ignored is no reason to end anything.
    await task.kill({ id: "Exec", execId: "", signal: SIGTERM, all: false });
  });
});

Deno.test("a container that has not ended long after its guest has taken a kill ends with its VM", async () => {
  await StandInGuests.run(async (guests) => {
    const { task, machines } = guests;
    for (const name of ["killed", "asked"]) await guests.add(name, mannerly, { machine: true });
    const kill = (id: string, signal: number) => task.kill({ id, execId: "", signal, all: true });
    await kill("asked", SIGTERM);
    for (let i = 0; i < 2; i++) await kill("killed", SIGKILL);
    strictEqual((await task.wait({ id: "killed", execId: "" })).exitStatus, 137);
    strictEqual(machines.ended.length, 1, machines.ended.join());
    match(machines.ended[0]!, /^killed: .*its guest has taken SIGKILL for it/);
  });
});
