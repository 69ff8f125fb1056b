import { AF, closeFd, openSocket, sendTo, SOCK, unixAddress } from "../libc/mod.ts";

/**
 * Tells systemd, or the supervisor, about this process (sd_notify(3)): `READY=1`, `STOPPING=1`.
 *
 * @returns whether somebody was told; nobody is when NOTIFY_SOCKET is not set or not reachable
 */
export function notify(state: string): boolean {
  const path = Deno.env.get("NOTIFY_SOCKET");
  if (!path) return false;
  const fd = openSocket(AF.UNIX, SOCK.DGRAM, 0, { nonblocking: true });
  try {
    sendTo(fd, new TextEncoder().encode(state), unixAddress(path));
    return true;
  } catch {
    return false; // A service works without its supervisor's knowledge.
  } finally {
    closeFd(fd);
  }
}
