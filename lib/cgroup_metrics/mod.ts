/** What a cgroup uses, from the text of its files: in containerd's messages, for a host and for a guest. Also runs under QuickJS. */
export { asV2, parseBlkio, readMetricsV1, type ReadV1, type V1Controller } from "./v1.ts";
export { parseFlat, parseNumber, readMetrics, type ReadV2, UNLIMITED } from "./v2.ts";
