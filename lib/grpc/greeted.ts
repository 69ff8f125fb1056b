import { closeFd, isErrno, receiveDescriptors, sendDescriptors } from "../libc/mod.ts";

/** Set by kuasar-greeter (guest/native/greeter.c): the name of the socket and the descriptor of the channel, `sandboxer:5`. */
const VARIABLE = "KUASAR_GREETER";

/**
 * The connections of an inherited socket that kuasar-greeter has accepted while this program was loading. Their clients have
 * got one SETTINGS frame already. The greeter accepts no more when this returns, and has ended or is about to.
 *
 * @returns descriptors, which are the caller's; none where there is no greeter
 * @throws {Errno} EAGAIN where the greeter does not end within some seconds
 */
export function takeGreeted(fdName: string): number[] {
  const [name, channel] = Deno.env.get(VARIABLE)?.split(":") ?? [];
  if (name !== fdName) return [];
  // What this process starts has no greeter.
  Deno.env.delete(VARIABLE);
  const socket = Number(channel);
  try {
    askToEnd(socket);
    const byte = new Uint8Array(1);
    const greeted: number[] = [];
    while (true) {
      const { length, fds } = receiveDescriptors(socket, byte, 1);
      if (length === 0) return greeted;
      greeted.push(...fds);
    }
  } finally {
    closeFd(socket);
  }
}

function askToEnd(channel: number): void {
  try {
    sendDescriptors(channel, new Uint8Array(1), []);
  } catch (error) {
    // One that has ended before may have sent connections all the same.
    if (!isErrno(error, "EPIPE")) throw error;
  }
}
