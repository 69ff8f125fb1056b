import { deepStrictEqual, match, rejects, strictEqual, throws } from "node:assert/strict";
import type { Spec } from "../../lib/oci/mod.ts";
import { CREATE_HOOKS, hooksIn, STOP_HOOKS } from "./hook_spec.ts";
import { Fixture } from "./testing/fixture.ts";

const RUNTIME = "io.containerd.kuasar-vmm.v2";

/** A bundle whose hooks write down their names, and what they read into files of those names. */
async function writeBundle(fixture: Fixture, failing = ""): Promise<{ bundle: string; calls(): string[] }> {
  const bundle = await Deno.makeTempDir({ dir: fixture.runDir });
  const script = `#!/bin/sh
PATH=/usr/bin:/bin
echo "$1 $WORD" >> calls
cat > "$1"
[ "$1" != "${failing}" ] || { echo "no luck" >&2; exit 3; }
`;
  await Deno.writeTextFile(`${bundle}/hook`, script, { mode: 0o755 });
  const hook = (name: string) => ({ path: `${bundle}/hook`, args: ["hook", name], env: ["WORD=a=b"] });
  const spec: Spec = {
    ociVersion: "1.2.0",
    annotations: { a: "b" },
    linux: { namespaces: [{ type: "mount" }] },
    hooks: {
      prestart: [hook("prestart")],
      createRuntime: [hook("createRuntime")],
      createContainer: [hook("createContainer")],
      poststop: [hook("poststop"), hook("last")],
    },
  };
  await Deno.writeTextFile(`${bundle}/config.json`, JSON.stringify(spec));
  const calls = () => Deno.readTextFileSync(`${bundle}/calls`).trim().split("\n");
  return { bundle, calls };
}

Deno.test("hooks of a task of its own run on the host, at both ends of the sandbox", async () => {
  await Fixture.run(async (fixture) => {
    const { bundle, calls } = await writeBundle(fixture, "poststop");
    const before = ["prestart a=b", "createRuntime a=b"];
    await fixture.withPrepare(async (prepare) => {
      await prepare.createStandalone({ sandboxId: "c1", runtime: RUNTIME, bundle });
      deepStrictEqual(calls(), before);
      const state = JSON.parse(await Deno.readTextFile(`${bundle}/createRuntime`));
      deepStrictEqual([state.id, state.status, state.bundle, state.annotations], ["c1", "creating", bundle, {
        a: "b",
      }]);
      throws(
        () => Deno.statSync(`/proc/${state.pid}`),
        Deno.errors.NotFound,
        "the process was for them only",
      );
      // One that fails keeps nothing from going, and runs no second time.
      for (let times = 0; times < 2; times++) {
        await prepare.releaseContainer({ sandboxId: "c1", containerId: "c1" });
      }
      deepStrictEqual(calls(), [...before, "poststop a=b", "last a=b"]);
      deepStrictEqual(fixture.world.leftovers(), []);
    });
  });
});

Deno.test("a hook that fails undoes the sandbox, and the others see its end", async () => {
  await Fixture.run(async (fixture) => {
    const { bundle, calls } = await writeBundle(fixture, "prestart");
    await fixture.withPrepare(async (prepare) => {
      await rejects(
        prepare.createStandalone({ sandboxId: "c1", runtime: RUNTIME, bundle }),
        (error: Error) => {
          match(error.message, /Cannot run the hook .*\/hook: it ended with code 3/);
          return true;
        },
      );
    });
    deepStrictEqual(calls(), ["prestart a=b", "poststop a=b", "last a=b"]);
    strictEqual((await fixture.admin.list({})).sandboxes.length, 0);
  });
});

Deno.test("a sandboxer that ends in between runs the hooks of the end all the same", async () => {
  await Fixture.run(async (fixture) => {
    const { bundle, calls } = await writeBundle(fixture);
    await fixture.withPrepare((prepare) =>
      prepare.createStandalone({ sandboxId: "c1", runtime: RUNTIME, bundle })
    );
    await fixture.restartSandboxer();
    await fixture.withPrepare((prepare) => prepare.releaseContainer({ sandboxId: "c1", containerId: "c1" }));
    deepStrictEqual(calls().slice(2), ["poststop a=b", "last a=b"]);
  });
});

Deno.test("a bundle that has gone keeps a sandbox from nothing", async () => {
  await Fixture.run(async (fixture) => {
    const { bundle } = await writeBundle(fixture);
    await fixture.withPrepare(async (prepare) => {
      await prepare.createStandalone({ sandboxId: "c1", runtime: RUNTIME, bundle });
      await Deno.remove(bundle, { recursive: true });
      await prepare.releaseContainer({ sandboxId: "c1", containerId: "c1" });
    });
    strictEqual((await fixture.admin.list({})).sandboxes.length, 0);
  });
});

Deno.test("hooks are read as the specification has them", () => {
  const hooks = (prestart: unknown) => hooksIn({ hooks: { prestart } }, CREATE_HOOKS);
  deepStrictEqual(hooksIn({}, CREATE_HOOKS), []);
  deepStrictEqual(hooksIn({ hooks: null }, STOP_HOOKS), []);
  deepStrictEqual(hooks([{ path: "/a", args: ["a", "b"], env: ["X=1=2", "Y"], timeout: 3 }]), [
    { path: "/a", args: ["b"], env: { X: "1=2", Y: "" }, timeoutMs: 3000 },
  ]);
  for (
    const bad of [1, [{}], [null], [{ path: "a" }], [{ path: "/a", args: [1] }], [{
      path: "/a",
      timeout: -1,
    }]]
  ) {
    throws(() => hooks(bad), { code: "INVALID_ARGUMENT" });
  }
});
