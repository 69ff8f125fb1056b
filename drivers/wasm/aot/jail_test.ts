import { match, rejects, strictEqual } from "node:assert/strict";
import { hostTools } from "../../../deploy/host/mod.ts";
import { exists, isFile } from "../../../lib/files/mod.ts";
import { runJailed } from "./jail.ts";

const busybox = hostTools().busyboxStatic;
const obstacle = Deno.uid() !== 0 ? "not root" : isFile(busybox) ? undefined : `${busybox} is not there`;
if (obstacle) console.log(`The jail of compilers is not tested: ${obstacle}`);

/** Runs a shell script in the place of a compiler, which may take 8 MiB. */
async function compile(work: string, script: string): Promise<void> {
  const root = { path: `${work}/root`, program: "/busybox", loader: undefined, libraryPath: "" };
  for (const name of ["root/rootfs", "root/module", "in", "out"]) {
    await Deno.mkdir(`${work}/${name}`, { recursive: true, mode: 0o755 });
  }
  await Deno.copyFile(busybox, `${root.path}/busybox`);
  await Deno.writeTextFile(`${work}/in/module.wasm`, "module");
  await Deno.chown(`${work}/out`, 65534, 65534);
  await Deno.chmod(work, 0o755);
  await runJailed(root, work, ["sh", "-c", script], { memoryMib: 8, timeoutMs: 60_000 });
}

function jailTest(name: string, run: (work: string) => Promise<void>): void {
  Deno.test({
    name,
    ignore: obstacle !== undefined,
    async fn() {
      const work = await Deno.makeTempDir({ prefix: "aot-" });
      try {
        await run(work);
      } finally {
        await Deno.remove(work, { recursive: true });
      }
    },
  });
}

jailTest("a compiler reads its module and writes its output, and has no more", async (work) => {
  await compile(work, "/busybox cat /rootfs/module.wasm >/module/made; /busybox id -u >/module/user");
  strictEqual(await Deno.readTextFile(`${work}/out/made`), "module");
  strictEqual(await Deno.readTextFile(`${work}/out/user`), "65534\n");
  await rejects(compile(work, "echo >/rootfs/new"), { code: "INTERNAL" });
  await rejects(compile(work, "echo >/new"), { code: "INTERNAL" });
  strictEqual(exists(`${work}/in/new`), false);
});

jailTest("a compiler writes no file that is larger than its memory", async (work) => {
  await rejects(
    compile(work, "/busybox dd if=/rootfs/module.wasm of=/module/made bs=1 seek=9000000"),
    (error: { code: string; evidence: string[] }) => {
      strictEqual(error.code, "INTERNAL");
      match(error.evidence.join("\n"), /File (size limit exceeded|too large)/);
      return true;
    },
  );
  strictEqual((await Deno.stat(`${work}/out/made`)).size <= 8 << 20, true);
});
