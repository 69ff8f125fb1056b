/** The comma-separated properties of one option, as StratoVirt reads them: no escapes, and no key twice. */
export class Properties {
  readonly #option: string;
  readonly #values = new Map<string, string>();

  /** @param first the key of a value that stands first without one: `driver` of `-device` */
  constructor(option: string, text: string, first?: string) {
    this.#option = option;
    text.split(",").forEach((part, index) => {
      const at = part.indexOf("=");
      const [key, value] = at < 0
        ? (index === 0 && first !== undefined ? [first, part] : [part, "true"])
        : [part.slice(0, at), part.slice(at + 1)];
      if (this.#values.has(key)) throw new Error(`${option}: the argument '${key}' is given twice`);
      this.#values.set(key, value);
    });
  }

  /** A property that must be there. */
  take(key: string): string {
    const value = this.optional(key);
    if (value === undefined) throw new Error(`${this.#option}: the argument '${key}' is required`);
    return value;
  }

  optional(key: string): string | undefined {
    const value = this.#values.get(key);
    this.#values.delete(key);
    return value;
  }

  /** `on` and `true`, `off` and `false`. */
  flag(key: string, otherwise: boolean): boolean {
    const value = this.optional(key);
    if (value === undefined) return otherwise;
    if (value === "on" || value === "true") return true;
    if (value === "off" || value === "false") return false;
    throw new Error(`${this.#option}: invalid value '${value}' for '${key}'`);
  }

  /** Whatever was not asked for is unknown to StratoVirt. */
  end(): void {
    for (const key of this.#values.keys()) {
      throw new Error(`${this.#option}: unexpected argument '${key}' found`);
    }
  }
}
