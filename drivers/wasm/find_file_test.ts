import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { findFile } from "./find_file.ts";

Deno.test("links lead where they would lead inside, and nowhere else", async () => {
  const outside = await Deno.makeTempDir();
  try {
    const rootfs = `${outside}/rootfs`;
    await Deno.mkdir(`${rootfs}/app`, { recursive: true });
    const module = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
    await Deno.writeFile(`${rootfs}/app/a.wasm`, module);
    await Deno.writeFile(`${outside}/secret.wasm`, module);
    await Deno.writeTextFile(`${rootfs}/short`, "x");
    await Deno.symlink("/app/a.wasm", `${rootfs}/link.wasm`);
    await Deno.symlink("../secret.wasm", `${rootfs}/up.wasm`);
    await Deno.symlink(`${outside}/secret.wasm`, `${rootfs}/absolute.wasm`);
    await Deno.symlink("loop", `${rootfs}/loop`);
    await new Deno.Command("mkfifo", { args: [`${rootfs}/fifo`] }).output();

    deepStrictEqual(findFile(rootfs, "/app/a.wasm"), { path: "/app/a.wasm", format: "module" });
    deepStrictEqual(findFile(rootfs, "/link.wasm"), { path: "/app/a.wasm", format: "module" });
    deepStrictEqual(findFile(rootfs, "/short"), { path: "/short", format: undefined });
    for (
      const path of ["/up.wasm", "/absolute.wasm", "/../secret.wasm", "/loop", "/fifo", "/app", "/short/x"]
    ) {
      strictEqual(findFile(rootfs, path), undefined, path);
    }
  } finally {
    await Deno.remove(outside, { recursive: true });
  }
});
