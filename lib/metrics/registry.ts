import { KuasarError } from "../errors/mod.ts";

/** Names and values that tell series of one metric apart. */
export type Labels = Readonly<Record<string, string>>;

/** A number that only grows. */
export interface Counter {
  /** @throws {KuasarError} INVALID_ARGUMENT for a negative amount */
  add(amount?: number, labels?: Labels): void;
}

/** A number that goes up and down. */
export interface Gauge {
  set(value: number, labels?: Labels): void;
}

/** How values are spread. */
export interface Histogram {
  observe(value: number, labels?: Labels): void;
}

/** Name and meaning of a metric. The name ends in its unit: `_seconds`, `_bytes`, `_total` for counters. */
export interface MetricOptions {
  name: string;
  help: string;
}

/** Options of a histogram. */
export interface HistogramOptions extends MetricOptions {
  /** Upper bounds in rising order, without infinity. @default from 1 ms to 60 s */
  buckets?: readonly number[];
}

/** Bounds for phases of a pod's start, in seconds. */
const DEFAULT_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** More series than this of one metric are not kept: labels may come from requests. */
const MAX_SERIES = 1000;

interface Metric {
  type: "counter" | "gauge" | "histogram";
  help: string;
  lines(): string[];
}

/** The metrics of a process, in Prometheus' text format. */
export class MetricsRegistry {
  readonly #metrics = new Map<string, Metric>();

  /** A new counter. @throws {KuasarError} ALREADY_EXISTS for a name that is taken */
  counter({ name, help }: MetricOptions): Counter {
    const series = new Series<{ value: number }>(() => ({ value: 0 }));
    this.#add(name, {
      type: "counter",
      help,
      lines: () => series.lines(({ value }, labels) => [[name, labels, value]]),
    });
    return {
      add: (amount = 1, labels = {}) => {
        if (!(amount >= 0)) {
          throw new KuasarError("INVALID_ARGUMENT", `Cannot add ${amount} to the counter ${name}`);
        }
        const entry = series.at(labels);
        if (entry) entry.value += amount;
      },
    };
  }

  /** A new gauge. @throws {KuasarError} ALREADY_EXISTS for a name that is taken */
  gauge({ name, help }: MetricOptions): Gauge {
    const series = new Series<{ value: number }>(() => ({ value: 0 }));
    this.#add(name, {
      type: "gauge",
      help,
      lines: () => series.lines(({ value }, labels) => [[name, labels, value]]),
    });
    return {
      set: (value, labels = {}) => {
        const entry = series.at(labels);
        if (entry) entry.value = value;
      },
    };
  }

  /** A new histogram. @throws {KuasarError} ALREADY_EXISTS for a name that is taken */
  histogram({ name, help, buckets = DEFAULT_BUCKETS }: HistogramOptions): Histogram {
    const series = new Series(() => ({
      counts: new Array<number>(buckets.length).fill(0),
      count: 0,
      sum: 0,
    }));
    const lines = () =>
      series.lines(({ counts, count, sum }, labels) => [
        ...buckets.map((
          bound,
          index,
        ): Sample => [`${name}_bucket`, { ...labels, le: String(bound) }, counts[index]!]),
        [`${name}_bucket`, { ...labels, le: "+Inf" }, count],
        [`${name}_sum`, labels, sum],
        [`${name}_count`, labels, count],
      ]);
    this.#add(name, { type: "histogram", help, lines });
    return {
      observe: (value, labels = {}) => {
        const entry = series.at(labels);
        if (!entry) return;
        entry.count++;
        entry.sum += value;
        // Buckets are cumulative: a value counts in each bound that it fits.
        buckets.forEach((bound, index) => value <= bound && entry.counts[index]!++);
      },
    };
  }

  /** All metrics as Prometheus reads them (text format 0.0.4). */
  text(): string {
    const lines: string[] = [];
    for (const [name, { type, help, lines: samples }] of this.#metrics) {
      lines.push(`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`, ...samples());
    }
    return lines.length === 0 ? "" : lines.join("\n") + "\n";
  }

  #add(name: string, metric: Metric): void {
    if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name)) {
      throw new KuasarError("INVALID_ARGUMENT", `Cannot use ${JSON.stringify(name)} as the name of a metric`);
    }
    if (this.#metrics.has(name)) {
      throw new KuasarError("ALREADY_EXISTS", `Cannot add the metric ${name} twice`);
    }
    this.#metrics.set(name, metric);
  }
}

type Sample = [name: string, labels: Labels, value: number];

/** The series of one metric by their labels. */
class Series<T> {
  readonly #entries = new Map<string, { labels: Labels; value: T }>();
  readonly #create: () => T;

  constructor(create: () => T) {
    this.#create = create;
  }

  /** undefined when there are too many series already. */
  at(labels: Labels): T | undefined {
    const key = formatLabels(labels);
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      if (this.#entries.size >= MAX_SERIES) return undefined;
      entry = { labels, value: this.#create() };
      this.#entries.set(key, entry);
    }
    return entry.value;
  }

  lines(samplesOf: (value: T, labels: Labels) => Sample[]): string[] {
    const samples = [...this.#entries.values()].flatMap(({ labels, value }) => samplesOf(value, labels));
    return samples.map(([name, labels, value]) => `${name}${formatLabels(labels)} ${value}`);
  }
}

function formatLabels(labels: Labels): string {
  const pairs = Object.entries(labels).sort(([left], [right]) => left < right ? -1 : 1);
  if (pairs.length === 0) return "";
  return `{${pairs.map(([key, value]) => `${key}="${escapeLabel(value)}"`).join(",")}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}

function escapeHelp(help: string): string {
  return help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
