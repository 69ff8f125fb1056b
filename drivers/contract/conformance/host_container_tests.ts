import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { mountsWithin, readMountinfo } from "../../../lib/mounts/mod.ts";
import { MAX_SPEC_LENGTH, parseSpec } from "../../../lib/oci/mod.ts";
import type { DriverProcess } from "./driver_process.ts";
import type { DriverTest } from "./mod.ts";

/** A bundle as containerd makes it, for a program that need not exist. */
async function makeBundle({ runDir }: DriverProcess, change: Record<string, unknown> = {}): Promise<string> {
  const bundle = `${runDir}/bundle/k8s.io/c1`;
  await Deno.mkdir(`${bundle}/rootfs`, { recursive: true });
  await Deno.mkdir(`${runDir}/image/etc`, { recursive: true });
  const spec = {
    ociVersion: "1.2.1",
    process: { cwd: "/", args: ["/bin/true"], user: { uid: 0, gid: 0 } },
    root: { path: "rootfs" },
    mounts: [{ destination: "/proc", type: "proc", source: "proc" }],
    linux: { namespaces: [{ type: "pid" }, { type: "mount" }, { type: "network" }] },
    ...change,
  };
  await Deno.writeTextFile(`${bundle}/config.json`, JSON.stringify(spec));
  return bundle;
}

function request(process: DriverProcess, bundle: string, containerId = "c1") {
  const rootfs = [{ type: "bind", source: `${process.runDir}/image`, target: "", options: ["rbind", "rw"] }];
  return { sandboxId: "s1", containerId, bundle, rootfs };
}

/** Mounts below the driver's directory, which is one itself. */
function mountsOf({ driverDir }: DriverProcess): string[] {
  const points = mountsWithin(readMountinfo(), driverDir).map(({ mountPoint }) => mountPoint);
  return points.filter((point) => point !== driverDir).sort();
}

/** What is made ready for a container, and taken away again. */
export function hostContainerTests(test: DriverTest): void {
  test("a container is prepared, again, and released, again", "none", async (process) => {
    await process.start("s1");
    const before = mountsOf(process);
    const bundle = await makeBundle(process);
    const first = await process.client.prepareContainer(request(process, bundle));
    const mounts = mountsOf(process);
    ok(mounts.length > before.length, "its root file system is mounted");
    deepStrictEqual(await process.client.prepareContainer(request(process, bundle)), first);
    deepStrictEqual(mountsOf(process), mounts, "nothing is mounted twice");
    const { runtime } = first;
    ok(runtime!.bundle.startsWith(`${process.driverDir}/s1/`), runtime!.bundle);
    strictEqual(
      parseSpec(await Deno.readTextFile(`${runtime!.bundle}/config.json`)).process!.args![0],
      "/bin/true",
    );
    for (let i = 0; i < 2; i++) await process.client.releaseContainer({ sandboxId: "s1", containerId: "c1" });
    deepStrictEqual(mountsOf(process), before);
    await process.client.remove({ sandboxId: "s1" });
    deepStrictEqual(mountsOf(process), []);
    ok((await Deno.stat(`${process.runDir}/image/etc`)).isDirectory, "nothing of the image is gone");
  });

  test("a sandbox takes the files of its containers along", "none", async (process) => {
    await process.start("s1");
    const bundle = await makeBundle(process);
    for (const id of ["c1", "c2"]) await process.client.prepareContainer(request(process, bundle, id));
    await process.client.remove({ sandboxId: "s1" });
    deepStrictEqual(mountsOf(process), []);
  });

  test("a container of a sandbox that is not running is refused", "none", async (process) => {
    await process.start("s1");
    await process.client.stop({ sandboxId: "s1", graceMs: 0 });
    const bundle = await makeBundle(process);
    await rejects(process.client.prepareContainer(request(process, bundle)), { code: "FAILED_PRECONDITION" });
    await process.client.remove({ sandboxId: "s1" });
  });

  test("a broken bundle, id or mount is refused and leaves nothing mounted", "none", async (process) => {
    await process.start("s1");
    const before = mountsOf(process);
    const bundle = await makeBundle(process);
    const refuse = async (change: Partial<ReturnType<typeof request>>) => {
      const wrong = { ...request(process, bundle), ...change };
      await rejects(process.client.prepareContainer(wrong), JSON.stringify(change));
      await process.client.releaseContainer({ sandboxId: "s1", containerId: "c1" });
      deepStrictEqual(mountsOf(process), before);
    };
    for (const containerId of ["", "..", "a/b"]) await refuse({ containerId });
    await refuse({ bundle: "/nowhere" });
    await refuse({ rootfs: [{ type: "bind", source: "/nowhere", target: "", options: ["rbind"] }] });
    await refuse({ rootfs: [{ type: "nonsense", source: "x", target: "", options: [] }] });
    for (const text of ["", "{", "[]", "{}", `"${"x".repeat(MAX_SPEC_LENGTH)}"`]) {
      await Deno.writeTextFile(`${bundle}/config.json`, text);
      await refuse({});
    }
    await makeBundle(process, { linux: { namespaces: [{ type: "pid", path: "/proc/0/ns/pid" }] } });
    await refuse({});
    await process.client.remove({ sandboxId: "s1" });
  });
}
