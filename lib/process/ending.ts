/** How a person, an init system and a terminal that closes ask a process to end, with their numbers (signal(7)). */
export const ENDING_SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
type EndingSignal = keyof typeof ENDING_SIGNALS;

/** For what a main function itself has to undo, once what it had begun has been ended under it. */
const MAIN_GRACE_MS = 10_000;

const works = new Set<() => Promise<unknown>>();
/** The main function, where there is one. */
let command: Promise<unknown> | undefined;
let ending: Promise<never> | undefined;

/**
 * Has `work` done before the process ends because of a signal: what it has made on the host would outlive it, and so
 * would its children. Exits then as the signal would have done; a second signal exits at once.
 *
 * For commands that end by themselves; services have `runService`.
 *
 * @param work a failure of it stops none of the others
 * @returns takes it back. Where nothing is left to do, signals end the process as ever
 */
export function onEnding(work: () => Promise<unknown>): () => void {
  // One of its own: the same function may be given twice.
  const own = () => work();
  if (works.size === 0) listen();
  works.add(own);
  return () => {
    if (works.delete(own) && works.size === 0) stopListening();
  };
}

/** True once this process ends: nothing more is to be begun, and failures are no news. */
export function isEnding(): boolean {
  return ending !== undefined;
}

/**
 * Runs a command's main function and exits with its code. What it has to undo after a signal, it undoes; what it has left
 * running when it ends by itself, a build beside a failure, is ended as by a signal.
 *
 * @param report tells of a failure, which makes the code 1
 */
export async function runCommand(
  main: () => Promise<number>,
  report: (error: unknown) => void,
): Promise<never> {
  const running = main();
  listen();
  command = running.catch(() => {});
  let code = 1;
  try {
    code = await running;
  } catch (error) {
    if (!isEnding()) report(error);
  }
  return await (ending ??= end(code));
}

const listeners = Object.entries(ENDING_SIGNALS).map(([signal, number]) =>
  [signal as EndingSignal, () => {
    if (ending) Deno.exit(128 + number);
    ending = end(128 + number);
  }] as const
);

function listen(): void {
  if (command || ending) return;
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
}

function stopListening(): void {
  if (command || ending) return;
  for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
}

async function end(code: number): Promise<never> {
  // Not before everybody can see that it ends.
  await Promise.resolve();
  await undoAll();
  if (command) {
    // It fails with what has been ended, and undoes the rest.
    await Promise.race([command, delay(MAIN_GRACE_MS)]);
    await undoAll();
  }
  Deno.exit(code);
}

async function undoAll(): Promise<void> {
  // Again for what has been begun meanwhile.
  for (let batch = [...works]; batch.length > 0; batch = [...works]) {
    works.clear();
    await Promise.allSettled(batch.map((work) => work()));
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => Deno.unrefTimer(Number(setTimeout(resolve, ms))));
}
