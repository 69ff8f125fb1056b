import { asKuasarError, KuasarError } from "../../lib/errors/mod.ts";
import type { GuestEndpoint } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import { connectGuest, GUEST_PORT } from "../../lib/transport/mod.ts";
import type { ByteStream } from "../../lib/ttrpc/mod.ts";
import { withAdmin } from "./admin.ts";
import { type Command, onlyPositional } from "./command.ts";
import { BeginMarker, ExitMarker } from "./markers.ts";

/** Exit codes besides the command's own, as Kuasar's kuasar-ctl has them. */
const EXIT_TIMEOUT = 124, EXIT_INTERRUPTED = 130;

const CONNECT_TIMEOUT_MS = 5_000;

/** Quotes a word for a POSIX shell. */
export function shellQuote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * The line that the console's shell runs: the command between a marker that begins its output, which a banner or a
 * prompt of the shell may precede, and one with its exit code.
 *
 * The markers are put together in the guest, so that a shell that echoes the line does not show them.
 */
export function shellLine(command: readonly string[], token: string): string {
  const script = `stty -opost -echo 2>/dev/null; printf '__KSR_%s__:%s__' BEGIN ${token}; ` +
    `"$@" </dev/null; rc=$?; printf '__KSR_%s__:%s:%s__' EXIT ${token} "$rc"; exit`;
  return `exec sh -c ${shellQuote(script)} sh ${command.map(shellQuote).join(" ")}\n`;
}

/** The endpoint of the sandbox `id`: an id, a prefix of one, or the folder of a sandbox below the run directory. */
async function endpointOf(runDir: string, id: string): Promise<GuestEndpoint> {
  if (id.startsWith("/")) {
    const [base, path] = await Promise.all([Deno.realPath(runDir), Deno.realPath(id)]);
    if (!path.startsWith(`${base}/`)) {
      throw new KuasarError("INVALID_ARGUMENT", `Cannot use ${id}: it is not below ${base}`);
    }
    return { kind: { $case: "hybridPath", value: `${path}/vm/vm.vsock` }, secret: "" };
  }
  const { guest } = await withAdmin(runDir, (admin, options) => admin.inspect({ id }, options));
  if (!guest?.kind) {
    throw new KuasarError("FAILED_PRECONDITION", `Cannot reach the guest of ${id}: it has no address`);
  }
  return guest;
}

/** Copies the console's output to `write` until the marker comes; returns the exit code. */
export async function readUntilExit(
  stream: ByteStream,
  token: string,
  write: (bytes: Uint8Array) => Promise<unknown>,
): Promise<number> {
  const begin = new BeginMarker(token);
  const marker = new ExitMarker(token);
  while (true) {
    const bytes = await stream.read();
    if (bytes === null) {
      await write(marker.flush());
      throw new KuasarError("UNAVAILABLE", "Cannot tell the exit code: the console ended before the command");
    }
    const { output, exitCode } = marker.push(begin.push(bytes));
    await write(output);
    if (exitCode !== undefined) return exitCode;
  }
}

/** Joins the terminal with the guest's shell until one of them ends. */
async function interactive(stream: ByteStream): Promise<number> {
  const terminal = Deno.stdin.isTerminal();
  if (terminal) Deno.stdin.setRaw(true);
  try {
    void (async () => {
      for await (const bytes of Deno.stdin.readable) await stream.write(bytes);
    })().catch(() => {});
    for (let bytes = await stream.read(); bytes !== null; bytes = await stream.read()) {
      await Deno.stdout.write(bytes);
    }
    return 0;
  } finally {
    if (terminal) Deno.stdin.setRaw(false);
  }
}

async function runCommand(stream: ByteStream, command: readonly string[], timeoutS: number): Promise<number> {
  const token = `${Deno.pid}-${crypto.randomUUID().slice(0, 8)}`;
  await stream.write(new TextEncoder().encode("KSR_MODE exec\n"));
  await stream.write(new TextEncoder().encode(shellLine(command, token)));
  const { promise: early, resolve } = Promise.withResolvers<number>();
  const interrupt = () => resolve(EXIT_INTERRUPTED);
  Deno.addSignalListener("SIGINT", interrupt);
  const timer = timeoutS > 0 ? setTimeout(() => resolve(EXIT_TIMEOUT), timeoutS * 1000) : undefined;
  try {
    const finished = readUntilExit(stream, token, (bytes) => Deno.stdout.write(bytes));
    finished.catch(() => {});
    return await Promise.race([finished, early]);
  } finally {
    clearTimeout(timer);
    Deno.removeSignalListener("SIGINT", interrupt);
  }
}

/** `kuasar-ctl exec`. */
export const exec: Command = {
  name: "exec",
  usage: "exec ID [FLAGS] [-- COMMAND...]",
  summary: "run a command in a guest over its debug console (needs the kernel parameter task.debug)",
  flags: {
    "vport": {
      kind: "integer",
      placeholder: "PORT",
      default: GUEST_PORT.console,
      help: "Port of the console (-p)",
    },
    "timeout": {
      kind: "integer",
      placeholder: "S",
      default: 0,
      help: "Give up after S seconds, exit 124 (-t)",
    },
  },
  short: { "-p": "--vport", "-t": "--timeout" },
  examples: [
    {
      command: "kuasar-ctl exec 3fa9 -- ps aux",
      does: "The guest's processes; the exit code is the command's",
    },
    { command: "kuasar-ctl exec 3fa9 -t 5 -- dmesg", does: "At most 5 seconds" },
    { command: "kuasar-ctl exec 3fa9", does: "A shell" },
  ],
  async run(input) {
    const id = onlyPositional(input, "sandbox id");
    const { vport, timeout } = input.flags as { vport: number; timeout: number };
    const endpoint = await endpointOf(input.runDir, id);
    const stream = await connectGuest(endpoint, vport, { timeoutMs: CONNECT_TIMEOUT_MS }).catch((cause) => {
      throw new KuasarError(
        "UNAVAILABLE",
        `${asKuasarError(cause).message}. The console is off unless kernel_params has task.debug`,
        { cause },
      );
    });
    try {
      return input.rest.length ? await runCommand(stream, input.rest, timeout) : await interactive(stream);
    } finally {
      stream.close();
    }
  },
};
