import { type CleanupStep, runCleanup } from "../cleanup/mod.ts";
import { asKuasarError, type KuasarError } from "../errors/mod.ts";
import { LOG_LEVELS, type Logger, logger, type LogLevel, setLogLevel, writesToJournal } from "../log/mod.ts";
import { EXIT, exitCodeOf } from "./exit.ts";
import { type FlagTable, type FlagValues, formatHelp, parseFlags, type Usage } from "./flags.ts";
import { keepInheritedFds } from "./inherited_fds.ts";
import { notify } from "./notify.ts";
import type { SelfCheck } from "./self_check.ts";
import { refuseCallers } from "./refuse_callers.ts";
import { VERSION } from "./version.ts";

/** After a signal the stop steps have this long. */
const STOP_DEADLINE_MS = 15_000;

const COMMON_FLAGS = {
  "run-dir": { kind: "string", placeholder: "DIR", default: "/run/kuasar", help: "Sockets and state" },
  "config": { kind: "string", placeholder: "FILE", help: "Configuration file (TOML)" },
  "log-level": { kind: "string", default: "info", oneOf: LOG_LEVELS, help: "Least level that is logged" },
  "check": { kind: "boolean", help: "Tell as JSON what is missing for its work, and end" },
  "help": { kind: "boolean", help: "Print this text" },
  "version": { kind: "boolean", help: "Print the version" },
} as const satisfies FlagTable;

/** What a service gets from {@link runService}. */
export interface ServiceContext<T extends FlagTable> {
  name: string;
  runDir: string;
  /** Path of `--config`, when given. */
  configFile: string | undefined;
  flags: FlagValues<T>;
  log: Logger;
  /**
   * Present where the service is only asked to look (`--check`): takes what it has found, and then `run` returns without an
   * effect on anything. Another process may be serving meanwhile.
   */
  report: ((found: SelfCheck) => void) | undefined;
  /** Aborted when the process has been asked to stop. */
  stopping: AbortSignal;
  /** Adds a step that runs before the process ends, last one first. */
  onStop(name: string, run: CleanupStep["run"]): void;
  /** Says that the service serves. Called by itself when `run` resolves. */
  ready(): void;
}

/** A service: its name, its own flags and what it does. */
export interface ServiceOptions<T extends FlagTable> {
  /** `kuasar-network` */
  name: string;
  /** One line for `--help`. */
  summary: string;
  flags?: T;
  examples?: Usage["examples"];
  /**
   * Sets the service up. When it resolves, the service is ready and runs until SIGTERM or SIGINT. What it throws
   * ends the process: exit code 2 for INVALID_ARGUMENT (flags, configuration), else 1.
   */
  run(context: ServiceContext<T>): Promise<void>;
}

/**
 * The main function of every resident process: flags, `--help`, `--version`, log level, readiness (sd_notify),
 * SIGTERM and SIGINT with a bounded graceful stop, exit code. Never returns.
 *
 * @example
 * ```ts ignore
 * if (import.meta.main) {
 *   await runService({ name: "kuasar-network", summary: "…", run: async (context) => { … } });
 * }
 * ```
 */
export async function runService<const T extends FlagTable = Record<never, never>>(
  options: ServiceOptions<T>,
): Promise<never> {
  const flags = { ...COMMON_FLAGS, ...options.flags } as typeof COMMON_FLAGS & T;
  const log = logger(options.name);
  const values = readCommandLine(options, flags);
  if (values.check) return await check(options, values as FlagValues<T> & typeof values, log);
  setLogLevel(values["log-level"] as LogLevel);
  keepServing(log);

  const steps: CleanupStep[] = [];
  const stop = new AbortController();
  const signalled = waitForSignal(log);
  let told = false;
  const ready = (): void => {
    if (told) return;
    told = true;
    notify("READY=1");
    log.info("Ready", { version: VERSION, pid: Deno.pid });
  };

  let code: number = EXIT.OK;
  try {
    keepInheritedFds();
    Deno.mkdirSync(values["run-dir"], { recursive: true, mode: 0o755 });
    const running = options.run({
      name: options.name,
      runDir: values["run-dir"],
      configFile: values.config,
      flags: values as FlagValues<T>,
      log,
      report: undefined,
      stopping: stop.signal,
      onStop: (name, run) => void steps.push({ name, run }),
      ready,
    }).then(ready);
    running.catch(() => {}); // A failure that comes while stopping is of no interest any more.
    await Promise.race([running.then(() => signalled), signalled]);
  } catch (error) {
    const failure = asKuasarError(error);
    code = reportFailure(log, failure);
    if (code === EXIT.USAGE) await refuseCallers(failure);
  }
  notify("STOPPING=1");
  stop.abort();
  const clean = await within(STOP_DEADLINE_MS, runCleanup(steps.reverse()));
  for (const { step, error } of clean ?? []) log.error("Stop step failed", { step, error });
  if (clean === undefined) log.error("Stop steps took too long", { deadline_ms: STOP_DEADLINE_MS });
  if (clean === undefined || clean.length > 0) code ||= EXIT.FAILURE;
  log.info("Stopped", { code });
  Deno.exit(code);
}

/** Runs the service as far as it looks at its configuration and at the host, and prints what it reports. */
async function check<T extends FlagTable>(
  { name, run }: ServiceOptions<T>,
  flags: FlagValues<T> & FlagValues<typeof COMMON_FLAGS>,
  log: Logger,
): Promise<never> {
  setLogLevel("error");
  try {
    await run({
      name,
      runDir: flags["run-dir"],
      configFile: flags.config,
      flags,
      log,
      report: (found) => console.log(JSON.stringify(found)),
      stopping: new AbortController().signal,
      onStop: () => {},
      ready: () => {},
    });
    Deno.exit(EXIT.OK);
  } catch (error) {
    Deno.exit(reportFailure(log, asKuasarError(error)));
  }
}

function readCommandLine<T extends FlagTable>(
  options: ServiceOptions<T>,
  flags: typeof COMMON_FLAGS & T,
): FlagValues<typeof COMMON_FLAGS> {
  try {
    const values = parseFlags(flags, Deno.args) as FlagValues<typeof COMMON_FLAGS>;
    if (values.help) {
      const { name, summary, examples } = options;
      console.log(formatHelp({ name, summary, flags, ...(examples && { examples }) }));
      Deno.exit(EXIT.OK);
    }
    if (values.version) {
      console.log(`${options.name} ${VERSION}`);
      Deno.exit(EXIT.OK);
    }
    return values;
  } catch (error) {
    const { message } = asKuasarError(error);
    if (writesToJournal()) logger(options.name).error(message);
    else console.error(`${options.name}: ${message}\nTry ${options.name} --help`);
    Deno.exit(EXIT.USAGE);
  }
}

function reportFailure(log: Logger, error: KuasarError): number {
  log.error(error.message, {
    code: error.code,
    evidence: error.evidence.length ? error.evidence : undefined,
  });
  return exitCodeOf(error);
}

/**
 * One request's bug must not take the service from all the others: what nobody caught is logged, and the process
 * goes on. State is safe anyway, since intent is on disk before each effect.
 */
function keepServing(log: Logger): void {
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    log.error("Nobody handled a rejection", { error: event.reason, stack: event.reason?.stack });
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    log.error("Nobody caught an error", { error: event.error, stack: event.error?.stack });
  });
}

/** Resolves at the first SIGTERM or SIGINT; the second one ends the process at once. */
function waitForSignal(log: Logger): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let count = 0;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    Deno.addSignalListener(signal, () => {
      if (++count > 1) Deno.exit(EXIT.FAILURE);
      log.info("Stopping", { signal });
      resolve();
    });
  }
  return promise;
}

async function within<T>(deadlineMs: number, work: Promise<T>): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), deadlineMs);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
