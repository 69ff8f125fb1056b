import * as sys from "../sys.js";

type Test = () => void | Promise<void>;
const tests: [name: string, test: Test][] = [];

/** Registers a test of the native module. */
export function test(name: string, run: Test): void {
  tests.push([name, run]);
}

/** @throws Error unless both are the same, compared as JSON */
export function equal(actual: unknown, expected: unknown): void {
  const show = (value: unknown) =>
    JSON.stringify(value, (_, part) => (typeof part === "bigint" ? `${part}n` : part)) ?? String(value);
  if (show(actual) !== show(expected)) throw new Error(`expected ${show(expected)}, got ${show(actual)}`);
}

/** @throws Error unless `call` fails with this SysError code, or with a TypeError for the code "TypeError" */
export function fails(code: string, call: () => unknown): void {
  let result: unknown;
  try {
    result = call();
  } catch (error) {
    const { code: actual = "", name = "" } = error as { code?: string; name?: string };
    if (actual === code || name === code) return;
    throw new Error(`expected ${code}, got ${String(error)}`);
  }
  throw new Error(`expected ${code}, got the result ${String(result)}`);
}

/** A directory of this run, removed at its end. */
export const directory = `/tmp/kuasar-native-${sys.getpid()}`;

const openFds = () => sys.readdir("/proc/self/fd").length;

/** Resolves when `condition` holds; the harness ends a test that waits too long. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise<void>((resolve) => void sys.setTimer(resolve, 2));
}

const TEST_TIMEOUT_MS = 60_000;

/**
 * Leaves the machine's mounts, names and network to itself, whatever a test does. Without root the calls that could change
 * them fail by themselves.
 */
function isolate(): void {
  if (sys.geteuid() !== 0) return;
  sys.unshare(sys.CLONE.NEWNS | sys.CLONE.NEWUTS | sys.CLONE.NEWIPC | sys.CLONE.NEWNET);
  sys.mount("", "/", "", sys.MS.REC | sys.MS.PRIVATE);
}

/** Runs all tests one after the other; each has to leave no file descriptor behind. Ends the process. */
export async function runAll(): Promise<void> {
  let failed = 0;
  isolate();
  sys.mkdirAll(directory);
  sys.chdir(directory);
  for (const [name, run] of tests) {
    const before = openFds();
    const late = sys.setTimer(() => {
      sys.logWrite(`TIMEOUT ${name}\n`);
      sys.exit(1);
    }, TEST_TIMEOUT_MS);
    try {
      await run();
      if (openFds() !== before) throw new Error(`${openFds() - before} file descriptors are left open`);
      sys.logWrite(`ok   ${name}\n`);
    } catch (error) {
      failed++;
      sys.logWrite(`FAIL ${name}: ${String(error)}\n${(error as Error).stack ?? ""}\n`);
    }
    sys.clearTimer(late);
  }
  sys.removeAll(directory);
  sys.logWrite(`${tests.length - failed} of ${tests.length} passed\n`);
  sys.exit(failed === 0 ? 0 : 1);
}
