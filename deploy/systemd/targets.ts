import { TARGET } from "./service_unit.ts";

/** Ends all of Kuasar, the task server too, which cannot be stopped by its own name. */
export const STOP_TARGET = "stop-kuasar.target";

/** The unit that means all of Kuasar: `systemctl enable --now kuasar.target`. */
export function target(units: readonly string[]): string {
  const wanted = units.filter((unit) =>
    unit.endsWith(".socket") || ["kuasar-sandboxer.service", "kuasar-task.service"].includes(unit)
  );
  return `[Unit]
Description=Kuasar container runtime
Documentation=file:/usr/local/share/doc/kuasar/install.md
Wants=${wanted.sort().join(" ")}
Before=containerd.service

[Install]
WantedBy=multi-user.target
`;
}

/** The unit that is started to end all of them, and has been when they have ended: `systemctl start stop-kuasar.target`. */
export function stopTarget(units: readonly string[]): string {
  return `[Unit]
Description=End of the Kuasar container runtime
Documentation=file:/usr/local/share/doc/kuasar/install.md
Conflicts=${TARGET} kuasar-task.service
After=${[TARGET, ...units].sort().join(" ")}
StopWhenUnneeded=yes
`;
}
