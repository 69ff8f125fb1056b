const MAX_LINES = 3;
const MAX_LINE_LENGTH = 300;

/** Of the programs that CRIU only tries: no reason for anything. */
const HARMLESS = /rlimit: |execvp\(|(?:ip6?tables|nft)[\w-]* -V failed/;

/** The last errors in a log of CRIU's, without their times. */
export function criuErrors(log: string): string[] {
  return log.split("\n")
    .filter((line) => /Error\b/.test(line) && !HARMLESS.test(line))
    .slice(-MAX_LINES)
    .map((line) => line.replace(/^\(\d+\.\d+\)\s*/, "").slice(0, MAX_LINE_LENGTH));
}
