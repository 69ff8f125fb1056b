/** A parser under test, as something that takes any bytes. */
export interface Target {
  /** As `--target` has it. */
  name: string;
  /** What it reads in ordinary life: what it is given is made from these. */
  samples: readonly Uint8Array[];
  /** Texts that mean something to it; they are put in anywhere. */
  words?: readonly string[];
  /** Gives it an input. @throws where the parser did what it must not do; its refusals of bad input are no such thing */
  check(input: Uint8Array): void | Promise<void>;
}

/** Samples out of texts. */
export function texts(...list: readonly string[]): Uint8Array[] {
  return list.map((text) => new TextEncoder().encode(text));
}

/** A check of a parser of texts. */
export function ofText(check: (text: string) => void): (input: Uint8Array) => void {
  return (input) => check(new TextDecoder().decode(input));
}

/** Thrown by a check. */
export class Fault extends Error {
  override readonly name = "Fault";
}

/** @throws Fault unless the condition holds */
export function must(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Fault(what);
}

/** Two values compared as what they are written as. @throws Fault where they differ */
export function mustBeSame(one: unknown, other: unknown, what: string): void {
  const show = (value: unknown) =>
    JSON.stringify(value, (_, part) => typeof part === "bigint" ? `${part}n` : part) ?? String(value);
  const [left, right] = [show(one), show(other)];
  must(left === right, `${what}: ${left.slice(0, 200)} is not ${right.slice(0, 200)}`);
}
