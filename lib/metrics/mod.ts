/** Metrics of a process in Prometheus' text format. */
export {
  type Counter,
  type Gauge,
  type Histogram,
  type HistogramOptions,
  type Labels,
  type MetricOptions,
  MetricsRegistry,
} from "./registry.ts";
