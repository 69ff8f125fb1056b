const MAX_LINES = 3;
const MAX_LINE_LENGTH = 300;

/** Of the programs that CRIU only tries: no reason for anything. */
const HARMLESS = /rlimit: |execvp\(|(?:ip6?tables|nft)[\w-]* -V failed/;

/** Its last word, which says nothing. */
const LAST_WORD = /FAILED\.?$/;

/** Calls that have failed without being called errors: a kernel without netlink_diag, to CRIU, is only `-2`. */
const RESULT = /: -\d+$/;

/** The last errors in a log of CRIU's, without their times. */
export function criuErrors(log: string): string[] {
  const lines = log.split("\n").filter((line) => !HARMLESS.test(line));
  const errors = lines.filter((line) => /Error\b/.test(line) && !LAST_WORD.test(line));
  const told = errors.some((line) => !RESULT.test(line) && !/\(-\d+\)$/.test(line));
  return lines
    .filter((line) => /Error\b/.test(line) || !told && RESULT.test(line))
    .slice(-MAX_LINES)
    .map((line) => line.replace(/^\(\d+\.\d+\)\s*/, "").slice(0, MAX_LINE_LENGTH));
}
