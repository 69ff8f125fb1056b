import { AREAS } from "./areas.ts";
import type { Area, Case, Difference } from "./case.ts";
import { titleOf } from "./field.ts";
import { KIND_NAMES, type KindName, nameOf } from "./kinds.ts";

const INTRO = `# Parity with runc

The same cases run under containerd's own runc and under each kind of ours, in pods of one node, and their
outcomes are compared line by line, what POSIX promises of files also over each way by which a guest gets them.
This page is generated from the cases in \`tests/parity\`, and a test
keeps it true; that each row is true, \`deno task test\` finds out on the node itself: a case that shows
anything else fails, and so does a difference that is gone.

\`\`\`sh
deno test -A tests/parity                                         # all, some minutes
KUASAR_PARITY_KINDS=gvisor KUASAR_PARITY_AREAS=files,mounts deno test -A tests/parity
deno run -A tests/parity/page.ts > docs/parity.md                 # after a change of a case
\`\`\`
`;

/** The whole page as Markdown, before it is formatted. */
export function parityPage(): string {
  const notes = new Notes();
  const sections = AREAS.map((area) => section(area, notes));
  return [
    INTRO,
    summary(),
    ...sections,
    "## Differences\n",
    "A fault is what is to be mended; all else is by design.\n",
    ...notes.lines(),
  ].join("\n") + "\n";
}

function casesOf(area: Area): { title: string; item: Case }[] {
  return area.groups.flatMap((group) => group.cases.map((item) => ({ title: titleOf(group, item), item })));
}

function differenceOf(item: Case, kind: KindName): Difference | undefined {
  return item.differs?.find(({ kinds }) => kinds.includes(kind));
}

function summary(): string {
  const count = (area: Area, kind: KindName) => {
    if (!kindsOf(area).includes(kind)) return "";
    const differences = casesOf(area).flatMap(({ item }) => differenceOf(item, kind) ?? []);
    const faults = differences.filter(({ fault }) => fault).length;
    const designed = differences.length - faults;
    return [designed > 0 && `${designed} by design`, faults > 0 && `${faults} known faults`]
      .filter(Boolean).join(", ") || "all the same";
  };
  const total = AREAS.reduce((sum, area) => sum + casesOf(area).length, 0);
  const all = [...KIND_NAMES, ...AREAS.flatMap(kindsOf)].filter((kind, i, kinds) =>
    kinds.indexOf(kind) === i
  );
  const rows = AREAS.map((area) => [
    area.name,
    String(casesOf(area).length),
    ...all.map((kind) => count(area, kind)),
  ]);
  return `${total} cases; what differs from runc:\n\n${table(["area", "cases", ...all.map(nameOf)], rows)}`;
}

function kindsOf(area: Area): readonly KindName[] {
  return area.kinds ?? KIND_NAMES;
}

function section(area: Area, notes: Notes): string {
  const rows = casesOf(area).map(({ title, item }) => {
    const numbers = new Map(
      (item.differs ?? []).map((difference) => [difference, notes.number(title, difference)]),
    );
    const cells = kindsOf(area).map((kind) => {
      const difference = differenceOf(item, kind);
      return difference === undefined
        ? "same"
        : `${difference.fault ? "fault" : "differs"} (${numbers.get(difference)})`;
    });
    return [title, ...cells];
  });
  return `## ${area.name}\n\n${table(["case", ...kindsOf(area).map(nameOf)], rows)}`;
}

/** Differences by their numbers; one that several cases have is told once. */
class Notes {
  readonly #titles = new Map<Difference, string[]>();

  number(title: string, difference: Difference): number {
    this.#titles.set(difference, [...this.#titles.get(difference) ?? [], title]);
    return [...this.#titles.keys()].indexOf(difference) + 1;
  }

  lines(): string[] {
    return [...this.#titles].map(([difference, [first, ...others]], index) =>
      `${index + 1}. ${note(`${first}${others.length > 0 ? ` and ${others.length} more` : ""}`, difference)}`
    );
  }
}

function note(title: string, { kinds, instead, why, fault }: Difference): string {
  const shown = Object.entries(instead).map(([before, after]) =>
    before === "*"
      ? `all: ${code(after)}`
      : after === ""
      ? `${code(before)} is missing`
      : `${code(before)} → ${code(after)}`
  );
  const names = kinds.map(nameOf).join("; ");
  return `${names}, ${title}: ${fault ? "**fault**: " : ""}${why}. ${shown.join("; ")}`;
}

/** Lines as one piece of code. */
function code(text: string): string {
  const line = text.replaceAll("\n", " ⏎ ").replaceAll("\t", " ");
  return line === "" ? "nothing" : line.includes("`") ? `\`\` ${line} \`\`` : `\`${line}\``;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n") + "\n";
}

if (import.meta.main) {
  const { formatted } = await import("../docs/formatted.ts");
  await Deno.stdout.write(new TextEncoder().encode(await formatted(parityPage())));
}
