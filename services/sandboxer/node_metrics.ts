import { type Counter, type Gauge, type Histogram, MetricsRegistry } from "../../lib/metrics/mod.ts";
import { VERSION } from "../../lib/service/mod.ts";
import type { PhaseRecord } from "./record.ts";
import type { Registry } from "./registry.ts";

/** What the sandboxer counts and measures, for Prometheus. docs/metrics.md lists it. */
export class NodeMetrics {
  readonly #starts: Counter;
  readonly #deaths: Counter;
  readonly #silent: Counter;
  readonly #phases: Histogram;
  readonly #metrics = new MetricsRegistry();
  readonly #startedAt = Date.now() / 1000;

  constructor() {
    const metrics = this.#metrics;
    metrics.gauge({ name: "kuasar_build_info", help: "1, with the version as a label" })
      .set(1, { version: VERSION });
    this.#starts = metrics.counter({
      name: "kuasar_sandbox_starts_total",
      help: "Starts of sandboxes by driver and result: ok or the error's code",
    });
    this.#deaths = metrics.counter({
      name: "kuasar_sandbox_deaths_total",
      help: "Sandboxes that have ended without being asked to",
    });
    this.#silent = metrics.counter({
      name: "kuasar_sandbox_silent_total",
      help: "Sandboxes that were ended because their guests did not answer",
    });
    this.#phases = metrics.histogram({
      name: "kuasar_sandbox_phase_seconds",
      help: "How long each phase of starting and stopping a sandbox took",
    });
  }

  /** Notes a start that has ended, with all its phases. */
  started(driver: string, result: string, phases: readonly PhaseRecord[]): void {
    this.#starts.add(1, { driver, result });
    this.phases(driver, phases);
  }

  /** Notes how long phases took. */
  phases(driver: string, phases: readonly PhaseRecord[]): void {
    for (const { name, beginMs, endMs } of phases) {
      // A clock that was set back meanwhile makes no negative time.
      this.#phases.observe(Math.max(0, endMs - beginMs) / 1000, { driver, phase: name });
    }
  }

  /** Notes a sandbox that has ended by itself. */
  died(driver: string): void {
    this.#deaths.add(1, { driver });
  }

  /** Notes a sandbox that is ended because its guest does not answer. */
  silent(driver: string): void {
    this.#silent.add(1, { driver });
  }

  /** Everything, with what can be counted now counted now. */
  text(registry: Registry): string {
    const now = new MetricsRegistry();
    const gauge = (name: string, help: string) => now.gauge({ name, help });
    countSandboxes(registry, {
      sandboxes: gauge("kuasar_sandboxes", "Sandboxes by driver and state"),
      containers: gauge("kuasar_containers", "Containers by driver"),
      leftovers: gauge("kuasar_leftovers", "Cleanup steps that have failed and will be repeated, by driver"),
    });
    gauge("process_start_time_seconds", "When the sandboxer was started, since the epoch").set(
      this.#startedAt,
    );
    gauge("process_resident_memory_bytes", "Resident memory of the sandboxer").set(Deno.memoryUsage().rss);
    gauge("process_open_fds", "Open files of the sandboxer").set(
      [...Deno.readDirSync("/proc/self/fd")].length,
    );
    return this.#metrics.text() + now.text();
  }
}

function countSandboxes(
  registry: Registry,
  gauges: Record<"sandboxes" | "containers" | "leftovers", Gauge>,
): void {
  const counts = { sandboxes: new Map<string, number>(), containers: new Map<string, number>() };
  const leftovers = new Map<string, number>();
  const add = (map: Map<string, number>, key: string, count: number) =>
    map.set(key, (map.get(key) ?? 0) + count);
  for (const { id, record } of registry.all()) {
    const { driver, state } = record;
    add(counts.sandboxes, `${driver} ${state}`, 1);
    add(counts.containers, driver, registry.containers(id).length);
    add(leftovers, driver, record.leftovers.length);
  }
  for (const [key, count] of counts.sandboxes) {
    const [driver, state] = key.split(" ");
    gauges.sandboxes.set(count, { driver: driver!, state: state! });
  }
  for (const [driver, count] of counts.containers) gauges.containers.set(count, { driver });
  for (const [driver, count] of leftovers) gauges.leftovers.set(count, { driver });
}
