import { driverOfHandler } from "../../deploy/drivers.ts";
import { installContainerd17 } from "../../deploy/host/containerd17.ts";
import { installDocker } from "../../deploy/host/docker.ts";
import { installWasmtime } from "../../deploy/host/wasmtime.ts";
import { buildDir, capture, root } from "../../lib/build/mod.ts";
import { KuasarError } from "../../lib/errors/mod.ts";
import { staticProgram } from "../harness/static_program.ts";
import { allPodTestsOf } from "../e2e_files.ts";
import { type Check, ofKind } from "./check.ts";
import type { DebianHost } from "./debian_host.ts";
import { HOST_FILES } from "./image.ts";
import type { Kind } from "./install.ts";

/** Hours of an emulated machine's time. */
const TESTS_TIMEOUT_MS = 4 * 3_600_000;

const DENO = "/usr/local/bin/deno";

/** Shell that shows a folder of this host in its own place, which its programs know; what is written there is the machine's alone. */
function shown(folder: string, index: number): string {
  const own = `/var/tmp/shown/${index}`;
  return `mkdir -p ${folder} ${own}/upper ${own}/work && mount -t overlay tests ${folder} ` +
    `-o lowerdir=${HOST_FILES}${folder},upperdir=${own}/upper,workdir=${own}/work`;
}

/** Where Deno keeps what it has fetched and compiled. */
async function denoDir(): Promise<string> {
  return JSON.parse(await capture(Deno.execPath(), ["info", "--json"])).denoDir;
}

/** Shows the checkout to the machine, with all that its tests need. */
async function showCheckout({ machine }: DebianHost): Promise<void> {
  await Promise.all([
    installContainerd17(),
    installDocker(),
    installWasmtime(),
    staticProgram("vsock_probe"),
  ]);
  const folders = [root, await denoDir()];
  await machine.must([...folders.map(shown), `cp ${HOST_FILES}${Deno.execPath()} ${DENO}`].join(" && "));
}

/** Runs the end-to-end tests of a kind as `deno task test` does. @returns the counts of the closing line */
async function runTests({ machine, suite }: DebianHost, kind: Kind): Promise<string> {
  const handler = `kuasar-${kind}`;
  const files = allPodTestsOf(driverOfHandler(handler)!).join(" ");
  const { code, stdout, stderr } = await machine.run(
    `cd ${root} && NO_COLOR=1 DENO_DIR=${await denoDir()} KUASAR_E2E_HANDLER=${handler} ` +
      `${DENO} test -A --no-check ${files} 2>&1`,
    TESTS_TIMEOUT_MS,
  );
  const log = `${buildDir}/log/${suite.name}-${handler}.log`;
  await Deno.writeTextFile(log, stdout + stderr);
  const lines = stdout.trimEnd().split("\n");
  const closing = lines.findLast((line) => /\d+ passed/.test(line)) ?? "";
  const counts = closing.match(/\d+ (passed|failed|ignored)/g)?.join(", ");
  if (code === 0 && counts !== undefined) return counts;
  const message = `Cannot pass the tests: ${counts ?? `code ${code}`}; all output is in ${log}`;
  throw new KuasarError("INTERNAL", message, { evidence: lines.filter((line) => /\bFAILED\b/.test(line)) });
}

/** The end-to-end tests of kinds, inside of the machine: hours, under emulation. */
export const e2eChecks = (kinds: readonly Kind[]): readonly Check[] =>
  kinds.length === 0 ? [] : [
    { name: "the checkout and its tests", run: showCheckout },
    ...kinds.map((kind) => ofKind(kind, "end-to-end tests", runTests)),
  ];
