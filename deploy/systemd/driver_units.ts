import type { DriverDeployment } from "../drivers.ts";
import { driverService } from "../supervisor/mod.ts";

/** The units of a driver, by their file names: a process that starts when the sandboxer first calls it. */
export function driverUnits({ name, configFile }: DriverDeployment): Map<string, string> {
  const unit = `kuasar-${driverService(name)}`;
  return new Map([[`${unit}.service`, service(unit, name, configFile)], [
    `${unit}.socket`,
    socket(unit, name),
  ]]);
}

function service(unit: string, name: string, configFile: string): string {
  return `[Unit]
Description=Kuasar driver ${name}
Documentation=file:/usr/local/share/doc/kuasar/architecture.md
Requires=${unit}.socket
After=${unit}.socket
Before=containerd.service

[Service]
Type=notify
Environment=OPTIONS=
EnvironmentFile=-/etc/sysconfig/${unit}
EnvironmentFile=-/etc/default/${unit}
ExecStart=/usr/local/bin/${unit} --run-dir /run/kuasar --config /var/lib/kuasar/${configFile} $OPTIONS
Restart=always
RestartSec=100ms
# What it has started belongs to pods and outlives it.
KillMode=process
Delegate=yes
OOMScoreAdjust=-999
LimitNOFILE=1048576
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity

[Install]
WantedBy=multi-user.target
`;
}

function socket(unit: string, name: string): string {
  return `[Unit]
Description=Socket of ${unit}
Before=containerd.service kuasar-sandboxer.service

[Socket]
ListenStream=/run/kuasar/${driverService(name)}.sock
FileDescriptorName=${driverService(name)}
SocketMode=0600
DirectoryMode=0755
Backlog=512
RemoveOnStop=yes

[Install]
WantedBy=sockets.target
`;
}

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
