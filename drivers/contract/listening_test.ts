import { strictEqual } from "node:assert/strict";
import { isListening } from "./listening.ts";

Deno.test("a socket is served as long as somebody listens, whether it is connected or not", async () => {
  const dir = await Deno.makeTempDir();
  const path = `${dir}/with space.sock`;
  try {
    strictEqual(isListening(path), false);
    const listener = Deno.listen({ transport: "unix", path });
    strictEqual(isListening(path), true);
    const conn = await Deno.connect({ transport: "unix", path });
    (await listener.accept()).close();
    strictEqual(isListening(path), true);
    listener.close();
    // The connection still has its name.
    strictEqual(isListening(path), false);
    conn.close();
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
