/** Lines by which two texts differ: those of the first, and what the second has in their place. */
export type Change = readonly [before: string, after: string];

/** The whole of a text, as what is replaced. */
const ALL = "*";

/** Replaces whole lines of a text. @returns undefined where what is to be replaced is not there */
export function changeLines(text: string, changes: Readonly<Record<string, string>>): string | undefined {
  let lines = text.split("\n");
  for (const [before, after] of Object.entries(changes)) {
    const wanted = before.split("\n");
    const at = before === ALL
      ? 0
      : lines.findIndex((_, index) => wanted.every((line, offset) => lines[index + offset] === line));
    if (at < 0) return undefined;
    const count = before === ALL ? lines.length : wanted.length;
    lines = [...lines.slice(0, at), ...after === "" ? [] : after.split("\n"), ...lines.slice(at + count)];
  }
  return lines.join("\n");
}

/** The shortest list of changes that makes one text of another. */
export function lineChanges(before: string, after: string): Change[] {
  const [a, b] = [before.split("\n"), after.split("\n")];
  // common[i][j]: how many lines a from i on and b from j on have in common.
  const common = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i]![j] = a[i] === b[j]
        ? common[i + 1]![j + 1]! + 1
        : Math.max(common[i + 1]![j]!, common[i]![j + 1]!);
    }
  }
  const changes: Change[] = [];
  let [gone, come]: [string[], string[]] = [[], []];
  const note = () => {
    if (gone.length + come.length > 0) changes.push([gone.join("\n"), come.join("\n")]);
    [gone, come] = [[], []];
  };
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      note();
      [i, j] = [i + 1, j + 1];
    } else if (j === b.length || i < a.length && common[i + 1]![j]! >= common[i]![j + 1]!) gone.push(a[i++]!);
    else come.push(b[j++]!);
  }
  note();
  return changes;
}
