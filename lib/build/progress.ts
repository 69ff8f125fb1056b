import { formatDuration } from "../errors/mod.ts";

/** Where people see what is going on. */
export interface Screen {
  isTerminal: boolean;
  write(text: string): void;
}

/** Begins the line anew and empties it. */
const CLEAR = "\r\x1b[2K";

/** How often a terminal, and how often a log, shows where a long step is. */
const MOVE_MS = 500;
const LINE_MS = 30_000;

/** Before that an estimate is a guess. */
const ESTIMATE_AFTER_MS = 5_000;

/** Shows lines, and below them, on a terminal, one that moves; elsewhere that is a line now and then. */
export class Lines {
  readonly #screen: Screen;
  readonly #now: () => number;
  #moving = "";
  #movedAt = -Infinity;

  constructor(screen: Screen, now: () => number = () => performance.now()) {
    this.#screen = screen;
    this.#now = now;
  }

  /** A line that stays. */
  say(line: string): void {
    this.#screen.write(`${this.#moving && CLEAR}${line}\n${this.#moving}`);
  }

  /** A line that the next one takes the place of. */
  move(line: string): void {
    const { isTerminal } = this.#screen;
    if (this.#now() - this.#movedAt < (isTerminal ? MOVE_MS : LINE_MS)) return;
    this.#movedAt = this.#now();
    if (!isTerminal) return this.say(line);
    this.#moving = line;
    this.#screen.write(`${CLEAR}${line}`);
  }

  /** Takes the moving line away. */
  rest(): void {
    if (this.#moving) this.#screen.write(CLEAR);
    this.#moving = "";
    this.#movedAt = -Infinity;
  }
}

/** Says how far work has come whose amount is known beforehand, and when it will have ended if it goes on like this. */
export class Progress {
  readonly #what: string;
  readonly #total: number;
  readonly #lines: Lines;
  readonly #now: () => number;
  readonly #begin: number;
  #done = 0;

  /** @param what `compiling`; @param total of what {@link add} counts */
  constructor(what: string, total: number, lines: Lines, now: () => number = () => performance.now()) {
    this.#what = what;
    this.#total = total;
    this.#lines = lines;
    this.#now = now;
    this.#begin = now();
  }

  add(count: number): void {
    this.#done += count;
    this.#lines.move(`${this.#what} ${this.#share()}${this.#rest()}`);
  }

  /** Never all: what comes after the last one, as the linking of what was compiled, is not counted. */
  #share(): string {
    return `${Math.min(99, Math.floor(100 * this.#done / this.#total))} %`;
  }

  #rest(): string {
    const tookMs = this.#now() - this.#begin;
    if (tookMs < ESTIMATE_AFTER_MS || this.#done === 0 || this.#done >= this.#total) return "";
    return `, about ${roughly(tookMs * (this.#total - this.#done) / this.#done)} left`;
  }
}

/** Nobody waits by the second. */
function roughly(ms: number): string {
  const stepMs = ms < 60_000 ? 10_000 : 60_000;
  return formatDuration(Math.ceil(ms / stepMs) * stepMs);
}

/** Counts what a pattern finds in a stream of text, line by line. */
export function lineCounter(pattern: RegExp): (chunk: Uint8Array) => number {
  const decoder = new TextDecoder();
  let rest = "";
  return (chunk) => {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    return lines.filter((line) => pattern.test(line)).length;
  };
}

/** Of this process. */
export const lines = new Lines({
  isTerminal: Deno.stderr.isTerminal(),
  write: (text) => {
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += Deno.stderr.writeSync(bytes.subarray(at));
  },
});
