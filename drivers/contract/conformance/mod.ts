/** The suites that drivers must pass: those of VMs, and those whose sandboxes have no kernel of their own. */
import { KuasarError } from "../../../lib/errors/mod.ts";
import { ExitWatcher } from "../../../lib/process/mod.ts";
import { deviceTests } from "./device_tests.ts";
import { DriverProcess } from "./driver_process.ts";
import type { DriverCommand, DriverUnderTest, Fault } from "./subject.ts";
import { faultTests } from "./fault_tests.ts";
import { hostContainerTests } from "./host_container_tests.ts";
import { hostLifecycleTests } from "./host_lifecycle_tests.ts";
import { hostSurvivalTests } from "./host_survival_tests.ts";
import { lifecycleTests } from "./lifecycle_tests.ts";
import { rightsTests } from "./rights_tests.ts";
import { sandboxTests } from "./sandbox_tests.ts";
import { survivalTests } from "./survival_tests.ts";

export type { DriverCommand, DriverUnderTest, Fault } from "./subject.ts";
export { deviceTests } from "./device_tests.ts";

/** Registers a test that gets a driver process of its own; afterwards nothing may be left of it. */
export type DriverTest = (name: string, fault: Fault, run: (driver: DriverProcess) => Promise<void>) => void;

/**
 * Registers every test of the contract for a driver. They need root and real VMs.
 *
 * @param driver the driver; each test starts a process of it with a run directory of its own
 */
export function conformance(driver: DriverUnderTest): void {
  const test = testsOf(driver);
  sandboxTests(test, {
    withProcess: {},
    alive: ({ guest }) => driver.ping(guest!),
    end: (_process, _sandboxId, { guest }) => driver.powerOff(guest!),
  });
  lifecycleTests(test, driver);
  rightsTests(test, driver);
  faultTests(test);
  survivalTests(test, driver);
  deviceTests(test, driver);
}

/** The same for a driver whose sandboxes have no kernel of their own. They need root, and make real namespaces. */
export function hostConformance(driver: DriverCommand): void {
  const test = testsOf(driver);
  sandboxTests(test, {
    withProcess: { sharePid: true },
    alive: () => Promise.resolve(),
    end: async ({ client }, sandboxId) => {
      await client.stop({ sandboxId, graceMs: 0 });
    },
  });
  hostLifecycleTests(test, driver);
  hostContainerTests(test);
  hostSurvivalTests(test);
}

/** How tests of one driver are registered; for a driver's own tests besides the contract's. */
export function testsOf(driver: DriverCommand): DriverTest {
  return (name, fault, run) => {
    Deno.test(`${driver.title ?? driver.name}: ${name}`, async () => {
      const watcher = new ExitWatcher();
      const process = await DriverProcess.start(driver, fault, watcher);
      try {
        await run(process);
        await process.assertClean();
      } catch (error) {
        // The test runner shows the message alone.
        if (error instanceof KuasarError) console.error(error.evidence.join("\n"));
        throw error;
      } finally {
        await process.dispose();
        await watcher.close();
      }
    });
  };
}
