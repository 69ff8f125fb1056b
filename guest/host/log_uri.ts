import { KuasarError } from "../../lib/errors/mod.ts";

/**
 * Where a process's output goes: a FIFO somebody reads, a file, or a program that gets it.
 *
 * containerd's clients write the last two as `file:///path` and `binary:///program?arg&name=value` (containerd, `cio.LogURI`);
 * nerdctl has every container in the background log to a program.
 */
export type LogTarget =
  | { kind: "fifo"; path: string }
  | { kind: "file"; path: string }
  | { kind: "program"; argv: string[] };

/**
 * Reads what a request names for an output.
 *
 * @throws KuasarError INVALID_ARGUMENT for another scheme, a path that is not absolute, or a bad percent code
 */
export function logTargetOf(text: string): LogTarget {
  const [, scheme, rest] = /^([A-Za-z][A-Za-z0-9+.-]*):(.*)$/s.exec(text) ?? [];
  if (scheme === undefined || rest === undefined) return { kind: "fifo", path: text };
  const mark = rest.indexOf("?");
  const path = decode(text, (mark < 0 ? rest : rest.slice(0, mark)).replace(/^\/\/(?=\/)/, ""));
  if (!/^\/(?!\/)/.test(path)) throw refusal(text, "its path must be absolute, and on this host");
  switch (scheme.toLowerCase()) {
    case "fifo":
      return { kind: "fifo", path };
    case "file":
      return { kind: "file", path };
    case "binary":
      return { kind: "program", argv: [path, ...argumentsIn(text, mark < 0 ? "" : rest.slice(mark + 1))] };
  }
  throw refusal(text, "its scheme must be fifo, file or binary");
}

/** A name is an argument, and so is what it is set to, as containerd's own shim hands them on. */
function argumentsIn(uri: string, query: string): string[] {
  return query.split("&").filter((part) => part !== "").flatMap((part) => {
    const at = part.indexOf("=");
    const words = at < 0 ? [part, ""] : [part.slice(0, at), part.slice(at + 1)];
    return words.map((word) => decode(uri, word.replaceAll("+", " ")));
  });
}

function decode(uri: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw refusal(uri, "it has a percent sign that begins no code");
  }
}

function refusal(uri: string, reason: string): KuasarError {
  return new KuasarError("INVALID_ARGUMENT", `Cannot log to ${JSON.stringify(uri.slice(0, 200))}: ${reason}`);
}
