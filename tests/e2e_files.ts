import { type DriverDeployment, DRIVERS } from "../deploy/drivers.ts";
import { testFiles, testsOf } from "./test_files.ts";

const e2e = (...names: readonly string[]) => names.map((name) => `tests/e2e/${name}_test.ts`);

/** What users do with a pod of any kind. */
const POD_TESTS = e2e("lifecycle", "exec", "exit", "resources", "survival", "isolation");

/** What depends on the OCI runtime and not on us: run by each of them, with crun all the rest too. */
export const RUNTIME_TESTS = e2e("lifecycle", "exec", "exit", "resources", "runtime_calls");
export const CHECKPOINT_TEST = "tests/e2e/checkpoint_test.ts";

/** What depends on how containerd reaches the stdio of containers. */
export const STREAM_TESTS = e2e("lifecycle", "exec", "exit");
export const STREAMING_TEST = "tests/e2e/streaming_test.ts";

/** What takes the place of a share where there is none, by choice or for want of one. */
const BLOCK_TEST = "tests/e2e/block_test.ts";

/** containerd without the Sandbox API: the shim programs, with containerd 2, both ways of 1.7, Docker, and nerdctl. */
const SHIM_TESTS = e2e("shim", "shim_containerd17", "shim_sandbox_mode", "docker", "nerdctl");

/** What only containers on the host's own kernel can be asked. */
const HOST_TESTS = [...e2e("task_server_death", "runtime_calls"), CHECKPOINT_TEST];

/** Processes that stand still, of the kinds whose ways differ. */
const STOPPED_TESTS = e2e("stopped_process");

/** What one kind has to show for all that the services do: the cheapest, or one of each way to end. */
const SERVICE_TESTS: Readonly<Record<string, readonly string[]>> = {
  runc: [...e2e("starved"), ...STOPPED_TESTS],
  gvisor: STOPPED_TESTS,
  wasm: STOPPED_TESTS,
};

/** What one kind alone has; `deno task test` runs it with the default driver's. */
const OWN_TESTS: Readonly<Record<string, readonly string[]>> = {
  gvisor: e2e("gvisor"),
  wasm: e2e("wasm", "wasmtime"),
};

/** The end-to-end tests of a driver; what has to do with the whole node is tested with the default one. */
export function e2eOf(driver: DriverDeployment): readonly string[] {
  if (driver === DRIVERS[0]) return testsOf(testFiles(), "e2e");
  return [...podTestsOf(driver), ...SERVICE_TESTS[driver.name] ?? []];
}

/** Those of them that have to do with the driver's pods. */
function podTestsOf(driver: DriverDeployment): readonly string[] {
  if (driver.name === "runc") return [...POD_TESTS, ...SHIM_TESTS, ...HOST_TESTS];
  // VMs differ in nothing that a shim program would notice.
  if (!driver.vm) return [...POD_TESTS, ...SHIM_TESTS];
  return [...POD_TESTS, BLOCK_TEST];
}

/** The end-to-end tests of a driver's pods with what only such pods have. */
export function allPodTestsOf(driver: DriverDeployment): readonly string[] {
  return [...podTestsOf(driver), ...OWN_TESTS[driver.name] ?? []];
}
