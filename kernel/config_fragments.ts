/** An option as a fragment asks for it: `CONFIG_SMP` = `y`. */
export interface Option {
  name: string;
  value: string;
  /** Where it was asked for: `network.config:12`. */
  where: string;
}

/**
 * Reads a kernel configuration fragment: `CONFIG_X=value`, `# CONFIG_X is not set`, comments, blank lines.
 *
 * @throws Error naming file and line of what is none of these
 */
export function parseFragment(file: string, text: string): Option[] {
  const options: Option[] = [];
  text.split("\n").forEach((line, index) => {
    const where = `${file}:${index + 1}`;
    const set = line.match(/^(CONFIG_[A-Z0-9_a-z]+)=(\S+|".*")$/);
    const unset = line.match(/^# (CONFIG_\w+) is not set$/);
    if (set) options.push({ name: set[1]!, value: set[2]!, where });
    else if (unset) options.push({ name: unset[1]!, value: "n", where });
    else if (line.trim() !== "" && !line.startsWith("#")) {
      throw new Error(`Cannot read ${where}: "${line}" is no option`);
    }
  });
  return options;
}

/**
 * The options that the final configuration does not have as they were asked for. Kconfig drops silently what
 * misses a dependency.
 *
 * @param config the text of `.config`
 */
export function missingOptions(wanted: readonly Option[], config: string): Option[] {
  const have = new Map(parseFragment(".config", config).map((option) => [option.name, option.value]));
  return wanted.filter((option) => (have.get(option.name) ?? "n") !== option.value);
}
