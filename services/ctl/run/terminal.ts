import type { RemoteCommand } from "../../../lib/cri/mod.ts";

/**
 * Hands on stdin, what is typed and the size of the window, until the returned function is called. Where there is no terminal,
 * the session ends with stdin.
 *
 * @param terminal true where the container has one: ours is raw then, so that it gets Ctrl-C
 */
export function handOnInput(
  session: RemoteCommand,
  { stdin, terminal }: { stdin: boolean; terminal: boolean },
): () => void {
  const raw = terminal && stdin && Deno.stdin.isTerminal();
  const resize = () => {
    const { columns, rows } = Deno.consoleSize();
    session.resize(columns, rows);
  };
  const sized = terminal && Deno.stdout.isTerminal();
  if (sized) {
    resize();
    Deno.addSignalListener("SIGWINCH", resize);
  }
  if (raw) Deno.stdin.setRaw(true);
  if (stdin) void copyStdin(session, terminal).catch(() => {});
  return () => {
    if (sized) Deno.removeSignalListener("SIGWINCH", resize);
    if (raw) Deno.stdin.setRaw(false);
  };
}

/** What a terminal takes for the end of its input (termios(3), VEOF). */
const END_OF_INPUT = "\x04";

/** Fails where the session is over. */
async function copyStdin(session: RemoteCommand, terminal: boolean): Promise<void> {
  for await (const bytes of Deno.stdin.readable) await session.write(bytes);
  if (terminal) await session.write(END_OF_INPUT);
  // containerd's server has no other way to tell that there is no more; what was sent before arrives.
  else await session.close();
}
