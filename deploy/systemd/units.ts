/** A unit file: its sections with their keys, each with all its values in order. */
export type Unit = ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;

/**
 * Reads a unit file as systemd.syntax(7) describes it, as far as ours use it.
 *
 * @throws Error with the line of what is neither section, setting nor comment
 */
export function parseUnit(text: string): Unit {
  const unit = new Map<string, Map<string, string[]>>();
  let section: Map<string, string[]> | undefined;
  for (const [index, raw] of text.replace(/\\\n/g, " ").split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || /^[#;]/.test(line)) continue;
    const heading = /^\[([A-Za-z]+)\]$/.exec(line);
    if (heading) {
      section = unit.get(heading[1]!) ?? new Map();
      unit.set(heading[1]!, section);
      continue;
    }
    const setting = /^([A-Za-z]+)=(.*)$/.exec(line);
    if (!setting || !section) throw new Error(`Cannot read line ${index + 1}: ${line}`);
    section.set(setting[1]!, [...section.get(setting[1]!) ?? [], setting[2]!.trim()]);
  }
  return unit;
}

/** The words of a setting, over all its lines. */
export function words(unit: Unit, section: string, key: string): string[] {
  return (unit.get(section)?.get(key) ?? []).flatMap((value) => value.split(/\s+/).filter(Boolean));
}
