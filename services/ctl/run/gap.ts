const NEWLINE = 0x0a, RETURN = 0x0d;

/** As containerd logs it: without the carriage return before a newline, or before one that is still to come. */
function asLogged(bytes: Uint8Array): Uint8Array {
  return bytes.filter((byte, i) => byte !== RETURN || i + 1 < bytes.length && bytes[i + 1] !== NEWLINE);
}

/**
 * What of the logged output an attached terminal has not been shown: all before the place where what it was shown begins.
 *
 * A terminal can be attached to a container that runs already. What it wrote before stands in its log, as may the
 * first of what comes over the connection.
 *
 * @param logged output from the log, whole lines
 * @param first the first output that came over the connection
 */
export function gapBefore(logged: Uint8Array, first: Uint8Array): Uint8Array {
  const shown = asLogged(first);
  for (let at = 0; at < logged.length; at++) {
    const common = Math.min(logged.length - at, shown.length);
    if (logged.subarray(at, at + common).every((byte, i) => byte === shown[i])) return logged.subarray(0, at);
  }
  return logged;
}
