import { deepStrictEqual, match, rejects } from "node:assert/strict";
import { asKuasarError } from "../../../lib/errors/mod.ts";
import { makeErofs } from "./make_erofs.ts";

Deno.test("a disk that takes too long is told as that, and leaves nothing", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${dir}/mkfs`, '#!/bin/sh\necho half > "$2"\nexec sleep 300\n', { mode: 0o755 });
    await rejects(makeErofs(`${dir}/mkfs`, "/rootfs", `${dir}/image`, 300), (error) => {
      const { code, message } = asKuasarError(error);
      deepStrictEqual(code, "DEADLINE_EXCEEDED");
      match(message, /^Cannot make a disk of \/rootfs: .*mkfs is not done after 300 ms$/);
      return true;
    });
    deepStrictEqual([...Deno.readDirSync(dir)].map(({ name }) => name), ["mkfs"]);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
