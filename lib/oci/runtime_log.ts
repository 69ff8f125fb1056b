/** More of a log is not looked at: what a failure is about stands at its end. */
const MAX_CHARACTERS = 256 * 1024;

/**
 * The errors in the JSON log of an OCI runtime, the last one last.
 *
 * runc, crun and youki write one object a line; runsc writes its objects one behind the other without anything between them.
 * youki has names of its own for the members, and its messages may bring a stack.
 * So objects are found by their braces, and what is no object is skipped.
 */
export function runtimeErrors(text: string): string[] {
  return objectsIn(text.slice(-MAX_CHARACTERS)).flatMap((object) => {
    try {
      const { level, msg, message } = JSON.parse(object) as Readonly<Record<string, unknown>>;
      if (level === "error" && typeof msg === "string") return [msg];
      return level === "ERROR" && typeof message === "string"
        ? [message.split("\n\nStack backtrace:")[0]!]
        : [];
    } catch {
      return [];
    }
  });
}

/** The outermost objects of a text that is JSON one object after the other. */
function objectsIn(text: string): string[] {
  const objects: string[] = [];
  let depth = 0;
  let begin = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (quoted) {
      if (character === "\\") at++;
      else if (character === '"') quoted = false;
    } else if (character === '"') {
      // Outside of all objects a quote is only noise, which must not swallow the rest.
      quoted = depth > 0;
    } else if (character === "{") {
      if (depth++ === 0) begin = at;
    } else if (character === "}" && depth > 0 && --depth === 0) {
      objects.push(text.slice(begin, at + 1));
    }
  }
  return objects;
}
