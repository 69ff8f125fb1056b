import { ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { MetricsRegistry } from "./mod.ts";

Deno.test("counters, gauges and histograms are written as Prometheus reads them", () => {
  const registry = new MetricsRegistry();
  const pods = registry.counter({ name: "pods_total", help: "Pods\nstarted" });
  pods.add();
  pods.add(2, { driver: "qemu", result: 'a "b"\\\n' });
  registry.gauge({ name: "open_pods", help: "Pods now" }).set(3);
  const start = registry.histogram({ name: "start_seconds", help: "Start", buckets: [0.1, 1] });
  [0.05, 0.1, 0.5, 7].forEach((value) => start.observe(value, { phase: "boot" }));
  strictEqual(
    registry.text(),
    `# HELP pods_total Pods\\nstarted
# TYPE pods_total counter
pods_total 1
pods_total{driver="qemu",result="a \\"b\\"\\\\\\n"} 2
# HELP open_pods Pods now
# TYPE open_pods gauge
open_pods 3
# HELP start_seconds Start
# TYPE start_seconds histogram
start_seconds_bucket{le="0.1",phase="boot"} 2
start_seconds_bucket{le="1",phase="boot"} 3
start_seconds_bucket{le="+Inf",phase="boot"} 4
start_seconds_sum{phase="boot"} 7.65
start_seconds_count{phase="boot"} 4
`,
  );
});

Deno.test("names are checked, counters never fall, series are bounded", () => {
  const registry = new MetricsRegistry();
  const counter = registry.counter({ name: "a_total", help: "" });
  throws(() => registry.gauge({ name: "a_total", help: "" }), { code: "ALREADY_EXISTS" });
  throws(() => registry.gauge({ name: "a b", help: "" }), { code: "INVALID_ARGUMENT" });
  throws(() => counter.add(-1), { code: "INVALID_ARGUMENT" });
  throws(() => counter.add(NaN), { code: "INVALID_ARGUMENT" });
  for (let index = 0; index < 5000; index++) counter.add(1, { id: String(index) });
  ok(registry.text().split("\n").length < 1010);
});

Deno.test("no label breaks its line", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (value) => {
    const registry = new MetricsRegistry();
    registry.gauge({ name: "a", help: "h" }).set(1, { value });
    strictEqual(registry.text().split("\n").length, 4);
  }));
});
