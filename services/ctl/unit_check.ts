import type { Finding } from "./host_facts.ts";
import type { UnitState } from "./unit_states.ts";

const TARGET = "kuasar.target";
const TASK = "kuasar-task.service";

/** The units that the node's services have, besides those of its drivers. */
export const CORE_UNITS: readonly string[] = [
  TARGET,
  TASK,
  ...["sandboxer", "network", "storage"].flatMap((
    name,
  ) => [`kuasar-${name}.socket`, `kuasar-${name}.service`]),
];

/** Whether systemd runs what the node needs. @param states undefined where no systemd runs */
export function judgeUnits(states: ReadonlyMap<string, UnitState> | undefined): Finding[] {
  const what = "units";
  if (states === undefined) {
    return [{ what, verdict: "absent", detail: "systemd does not run here; whoever starts the services?" }];
  }
  const start = "systemctl daemon-reload && systemctl enable --now kuasar.target";
  const target = states.get(TARGET)!;
  if (target.load !== "loaded" || target.active !== "active") {
    const detail = `${TARGET} is ${target.load === "loaded" ? target.active : target.load}`;
    return [{ what, verdict: "missing", detail, remedy: start }];
  }
  const failed = [...states].filter(([, { active }]) => active === "failed").map(([name]) => name);
  if (failed.length > 0) {
    const remedy = `journalctl -p warning -u ${failed.join(" -u ")} tells why; then systemctl start them`;
    return [{ what, verdict: "missing", detail: `failed: ${failed.join(", ")}`, remedy }];
  }
  const needed = CORE_UNITS.filter((name) => name.endsWith(".socket") || name === TASK);
  const off = needed.filter((name) => states.get(name)?.active !== "active");
  if (off.length > 0) {
    const remedy = `systemctl start ${off.join(" ")}`;
    return [{ what, verdict: "missing", detail: `not running: ${off.join(", ")}`, remedy }];
  }
  return [
    target.file === "enabled" ? { what, verdict: "ok", detail: `${TARGET} is enabled and active` } : {
      what,
      verdict: "slow",
      detail: `${TARGET} is active, but ${target.file || "not enabled"}: not after the next boot`,
      remedy: "systemctl enable kuasar.target",
    },
  ];
}
