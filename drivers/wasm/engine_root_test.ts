import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { makeEngineRoot, removeOldRoots } from "./engine_root.ts";

/** For programs that are run without it. */
const noLibrary = () => Promise.resolve(new Uint8Array());

async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a root holds the program and all that its loader asks for, and runs it", () =>
  withFolder(async (folder) => {
    await Deno.copyFile("/bin/sh", `${folder}/shell`);
    await Deno.mkdir(`${folder}/roots`);
    const root = await makeEngineRoot(`${folder}/shell`, `${folder}/roots`, noLibrary);
    match(root.loader ?? "", /ld-linux/);
    const { success, stdout } = await new Deno.Command("chroot", {
      args: [root.path, root.program, "-c", "echo works"],
      env: { LD_LIBRARY_PATH: root.libraryPath },
    }).output();
    deepStrictEqual([success, new TextDecoder().decode(stdout)], [true, "works\n"]);
    for (const point of ["rootfs", "module", "proc", "dev"]) {
      ok((await Deno.stat(`${root.path}/${point}`)).isDirectory);
    }
    deepStrictEqual(await makeEngineRoot(`${folder}/shell`, `${folder}/roots`, noLibrary), root, "made once");
  }));

Deno.test("roots of earlier versions go when no container uses them", () =>
  withFolder(async (folder) => {
    const [program, roots, driverDir] = [`${folder}/shell`, `${folder}/roots`, `${folder}/driver`];
    await Deno.mkdir(roots);
    const versions: Awaited<ReturnType<typeof makeEngineRoot>>[] = [];
    for (let version = 0; version < 3; version++) {
      await Deno.copyFile("/bin/sh", program);
      await Deno.utime(program, version, version);
      versions.push(await makeEngineRoot(program, roots, noLibrary));
    }
    await Deno.copyFile("/bin/sh", `${folder}/other`);
    const other = await makeEngineRoot(`${folder}/other`, roots, noLibrary);
    const [first, used, current] = versions;
    await Deno.mkdir(`${driverDir}/s1/containers/c1`, { recursive: true });
    await Deno.writeTextFile(
      `${driverDir}/s1/containers/c1/config.json`,
      JSON.stringify({ root: { path: used!.path } }),
    );
    await removeOldRoots(current!, driverDir);
    const left = [...Deno.readDirSync(roots)].map(({ name }) => `${roots}/${name}`).sort();
    deepStrictEqual(left, [used!.path, current!.path, other.path].sort());
    ok(first);
  }));

Deno.test("a program that is not there is named", () =>
  withFolder(async (folder) => {
    await rejects(
      makeEngineRoot(`${folder}/nothing`, folder, noLibrary),
      (error: Error & { code?: string }) => {
        strictEqual(error.code, "FAILED_PRECONDITION");
        match(error.message, /nothing/);
        return true;
      },
    );
  }));
