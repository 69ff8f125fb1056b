/** The first number with dots, or Debian's tildes, in the output of `--version`; undefined where there is none. */
export function versionIn(text: string): string | undefined {
  return /\d+(?:[.~]\d+)+/.exec(text)?.[0];
}

/** Compares dotted versions by their numbers. */
export function isAtLeast(version: string, least: string): boolean {
  const [a, b] = [version, least].map((v) => v.split(/[.~]/).map(Number));
  for (let i = 0; i < Math.max(a!.length, b!.length); i++) {
    const difference = (a![i] ?? 0) - (b![i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}
