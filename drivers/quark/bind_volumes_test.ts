import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { unmountBelow } from "../../lib/mounts/mod.ts";
import { bindVolumes, sealRootfs } from "./bind_volumes.ts";

Deno.test({
  name: "volumes are bound below the root file system, wherever its links point",
  ignore: Deno.uid() !== 0,
  fn: () => {
    const folder = Deno.realPathSync(Deno.makeTempDirSync());
    const [rootfs, outside, volume] = ["rootfs", "outside", "volume"].map((name) => `${folder}/${name}`) as [
      string,
      string,
      string,
    ];
    for (const path of [rootfs, `${rootfs}/etc`, outside, volume]) Deno.mkdirSync(path);
    Deno.writeTextFileSync(`${volume}/file`, "x");
    Deno.symlinkSync(outside, `${rootfs}/link`);
    Deno.symlinkSync("/nowhere", `${rootfs}/broken`);
    try {
      bindVolumes([
        { destination: "/new/folder", source: volume, options: ["rbind", "ro"] },
        { destination: "/etc/hosts", source: `${volume}/file`, options: ["bind"] },
      ], rootfs);
      strictEqual(Deno.readTextFileSync(`${rootfs}/new/folder/file`), "x");
      strictEqual(Deno.readTextFileSync(`${rootfs}/etc/hosts`), "x");
      throws(() => Deno.writeTextFileSync(`${rootfs}/new/folder/file`, "y"), /Read-only/);
      sealRootfs([{ destination: "/proc" }, { destination: "/proc/sys" }], rootfs);
      throws(() => Deno.writeTextFileSync(`${rootfs}/file`, "y"), /Read-only/);
      strictEqual(Deno.readTextFileSync(`${rootfs}/etc/hosts`), "x", "what is mounted below stays");
      ok(Deno.statSync(`${rootfs}/proc`).isDirectory);
      unmountBelow(rootfs);
      // Inside, the link leads to a path that is not there, and whatever is made is made nowhere else.
      try {
        bindVolumes([{ destination: "/link/x", source: volume }], rootfs);
      } catch {
        // Refused is as good.
      }
      deepStrictEqual([...Deno.readDirSync(outside)], []);
      for (const destination of ["/broken", "/", "/etc/hosts"]) {
        throws(() => bindVolumes([{ destination, source: volume }], rootfs), { code: "INVALID_ARGUMENT" });
      }
    } finally {
      unmountBelow(folder);
      Deno.removeSync(folder, { recursive: true });
    }
  },
});
