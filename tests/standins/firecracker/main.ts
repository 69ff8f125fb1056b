/**
 * A stand-in for firecracker on hosts without KVM: its command line, its REST API and its manners, with QEMU underneath so that
 * real guests boot. Its first argument says what it is built upon ({@link StandInOptions}); all others are the real program's.
 */
import { listenUnixFd } from "../../../lib/libc/mod.ts";
import { ApiServer } from "../http/server.ts";
import { type CommandLine, parseCommandLine, UsageError } from "./command_line.ts";
import { minorOf, type StandInOptions } from "./options.ts";
import { route } from "./routes.ts";
import { Vmm } from "./vmm.ts";

const options: StandInOptions = JSON.parse(Deno.args[0] ?? "{}");

function parse(): CommandLine {
  try {
    return parseCommandLine(Deno.args.slice(1));
  } catch (error) {
    console.error(`Error: ${(error as Error).message}`);
    Deno.exit(error instanceof UsageError ? error.code : 1);
  }
}

const line = parse();
if (line.showVersion) {
  console.log(`Firecracker v${options.version}\n\n`);
  Deno.exit(0);
}

/** The log goes to stdout. */
function log(message: string): void {
  console.log(`${new Date().toISOString()} [${line.id}:main] ${message}`);
}

/** The last line, and the end. */
function exit(code: number): never {
  log(
    code === 0
      ? "Firecracker exiting successfully. exit_code=0"
      : `Firecracker exiting with error. exit_code=${code}`,
  );
  Deno.exit(code);
}

/** Between the end of the API and the last line of the log. */
const LAST_LINE_MS = 20;

function listen(): number {
  try {
    // A socket file that is there makes the start fail, whoever left it.
    Deno.lstatSync(line.apiSocket);
  } catch {
    return listenUnixFd(line.apiSocket, 0o600);
  }
  log(
    `RunWithApiError error: Failed to open the API socket at: ${line.apiSocket}. Check that it is not already used.`,
  );
  exit(1);
}

log(`Running Firecracker v${options.version}`);
const vmm = new Vmm(options, line, `${Deno.cwd()}/.s`, (reason) => {
  if (reason !== "reset") {
    log(
      reason === "shutdown"
        // The real one's machine cannot be switched off: its guest would stand still for ever.
        ? "Stand-in: the guest powered itself off by ACPI"
        : `Stand-in: QEMU has ended: ${reason}`,
    );
  }
  server.close();
  setTimeout(() => exit(reason === "reset" ? 0 : 1), LAST_LINE_MS);
});

const server = new ApiServer("Firecracker API", listen(), async (request) => {
  log(`The API server received a ${request.method} request on "${request.path}".`);
  const answer = await route(
    vmm,
    minorOf(options),
    request,
    () => setTimeout(() => exit(1), LAST_LINE_MS),
  );
  if (answer.status === 400) log(`Received Error. Status code: 400 Bad Request. Message: ${answer.body}`);
  return answer;
});
await server.run();
