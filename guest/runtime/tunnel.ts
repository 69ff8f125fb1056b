import * as sys from "../native/sys.js";

/**
 * Joins two connections in both directions, within the kernel. Both are owned from here on. What one peer has sent before it
 * ended reaches the other, then both are closed: a half-closed connection does not pass a hybrid vsock.
 *
 * @param onEnd told once, after the connections are closed
 * @returns ends it at once; may be called twice
 */
export function tunnel(a: number, b: number, onEnd: () => void = () => {}): () => void {
  const relays = new Set<number>();
  let open = true;
  const close = () => {
    if (!open) return;
    open = false;
    for (const relay of relays) sys.cancelRelay(relay);
    for (const fd of [a, b]) {
      sys.shutdown(fd, sys.SHUT.RDWR);
      sys.close(fd);
    }
    onEnd();
  };
  try {
    relays.add(sys.relay(a, b, close));
    relays.add(sys.relay(b, a, close));
  } catch (error) {
    close();
    throw error;
  }
  return close;
}
