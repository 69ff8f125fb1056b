import { strictEqual } from "node:assert/strict";
import { closeFd, writeFd } from "../../lib/libc/mod.ts";
import { ConsolePump } from "./console_pump.ts";
import { makePipe } from "./named_pipe.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("a pump reads a socket or a named pipe until the other end is closed", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const log = `${dir}/console.log`;
    const pipe = makePipe(`${dir}/pipe`);
    // Written while nobody reads: kept in the pipe.
    writeFd(pipe, bytes("one\n"));
    const fromPipe = await ConsolePump.connect(`${dir}/pipe`, log);
    writeFd(pipe, bytes("two\n"));
    closeFd(pipe);
    await fromPipe.drained;

    const listener = Deno.listen({ transport: "unix", path: `${dir}/socket` });
    const fromSocket = await ConsolePump.connect(`${dir}/socket`, log);
    const conn = await listener.accept();
    await conn.write(bytes("three\n"));
    conn.close();
    await fromSocket.drained;
    listener.close();
    strictEqual(await Deno.readTextFile(log), "one\ntwo\nthree\n");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("a pump that is closed lets go of its pipe, and the next one reads on", async () => {
  const dir = await Deno.makeTempDir();
  const pipe = makePipe(`${dir}/pipe`);
  try {
    const first = await ConsolePump.connect(`${dir}/pipe`, `${dir}/log`);
    first.close();
    first.close();
    await first.drained;
    writeFd(pipe, bytes("later\n"));
    const second = await ConsolePump.connect(`${dir}/pipe`, `${dir}/log`);
    closeFd(pipe);
    await second.drained;
    strictEqual(await Deno.readTextFile(`${dir}/log`), "later\n");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
