import type { Area } from "./case.ts";
import { type Outcomes, titleOf } from "./field.ts";
import type { KindName } from "./kinds.ts";
import { changeLines, lineChanges } from "./line_changes.ts";

/**
 * What is wrong with a kind's outcomes of an area.
 *
 * @param referee stock runc's outcomes
 * @returns for each case that is not as it should be, what it is
 */
export function faultsOf(area: Area, kind: KindName, ours: Outcomes, referee: Outcomes): string[] {
  return area.groups.flatMap((group) =>
    group.cases.flatMap((item) => {
      const title = titleOf(group, item);
      const [actual, theirs] = [ours.get(title) ?? "", referee.get(title) ?? ""];
      const instead = item.differs?.find(({ kinds }) => kinds.includes(kind))?.instead;
      const expected = instead ? changeLines(theirs, instead) : theirs;
      if (actual === expected && (instead === undefined || actual !== theirs)) return [];
      const what = `${area.name}, ${title}, ${kind}`;
      if (actual === theirs) return [`${what}: is as under runc now, its difference is to be taken out`];
      const changes = lineChanges(theirs, actual).map(([before, after]) =>
        `  ${JSON.stringify(before)}: ${JSON.stringify(after)},`
      );
      return [[`${what}: differs from runc in`, ...changes].join("\n")];
    })
  );
}
