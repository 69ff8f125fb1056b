import { asV2, readMetrics, readMetricsV1 } from "../../lib/cgroup_metrics/mod.ts";
import type { Hierarchy } from "../../lib/cgroups/mod.ts";
import type { Metrics } from "../../lib/proto/gen/cgroups/v2.ts";

/** Which of the trees has a file, once it has been found: each name belongs to one controller. */
const rootsOf = new WeakMap<readonly Hierarchy[], Map<string, string>>();

/**
 * What all processes of a cgroup use and have used, those that have ended and the cgroups below it included.
 *
 * @param path below each hierarchy's root
 * @returns undefined where no hierarchy measures it
 */
export function cgroupUsage(path: string, trees: readonly Hierarchy[]): Metrics | undefined {
  const roots = rootsOf.get(trees) ?? new Map<string, string>();
  rootsOf.set(trees, roots);
  let any = false;
  const read = (name: string): string => {
    const known = roots.get(name);
    for (const root of known === undefined ? trees.map((tree) => tree.root) : [known]) {
      try {
        const text = Deno.readTextFileSync(`${root}${path}/${name}`);
        roots.set(name, root);
        any = true;
        return text;
      } catch {
        // Of another controller, of an older kernel, or the cgroup has gone.
      }
    }
    return "";
  };
  const isV1 = trees.some(({ version }) => version === 1);
  const metrics = isV1 ? asV2(readMetricsV1((_, name) => read(name))) : readMetrics(read);
  return any ? metrics : undefined;
}
