import { hardening, type Powers } from "./hardening.ts";

/** What differs between the services. */
export interface ServiceUnit {
  /** Of the unit and of its program in `bin`: `kuasar-network`. */
  name: string;
  description: string;
  /** Behind the run directory on the command line. */
  args?: string;
  /** `notify` unless the program does not tell when it serves. */
  type?: "notify" | "simple";
  /** Sockets that systemd holds for it; their units have these names. */
  sockets?: readonly string[];
  /** Units that it wants beside it, and starts after. */
  wants?: readonly string[];
  /** What it may do; everything unless given. */
  powers?: Powers;
  /** More lines of [Unit]. */
  unit?: string;
  /** Lines in place of the usual `RestartSec`. */
  restartSec?: string;
  /** Another name of the unit. */
  alias?: string;
}

/**
 * Units stop and restart with this one. Not the task server: containerd takes the containers for ended whose task server
 * has been stopped (docs/install.md).
 */
export const TARGET = "kuasar.target";

/** The text of a service's unit file. */
export function serviceUnit(
  { name, description, args, type = "notify", sockets = [], wants = [], ...more }: ServiceUnit,
): string {
  const lines = (texts: (string | false | undefined)[]) => texts.filter((text) => text).join("\n");
  return `[Unit]
${
    lines([
      `Description=${description}`,
      "Documentation=file:/usr/local/share/doc/kuasar/architecture.md",
      sockets.length > 0 && `Requires=${sockets.join(" ")}`,
      wants.length > 0 && `Wants=${wants.join(" ")}`,
      sockets.length + wants.length > 0 && `After=${[...sockets, ...wants].filter(isSocket).join(" ")}`,
      "Before=containerd.service",
      "# However often it dies, it is started again: by default systemd gives up after five times in 10 s.",
      "StartLimitIntervalSec=0",
      more.unit ?? `PartOf=${TARGET}`,
    ])
  }

[Service]
${
    lines([
      `Type=${type}`,
      sockets.length > 1 && `Sockets=${sockets.join(" ")}`,
      "Environment=OPTIONS=",
      `EnvironmentFile=-/etc/sysconfig/${name}`,
      `EnvironmentFile=-/etc/default/${name}`,
      `ExecStart=/usr/local/bin/${name} --run-dir /run/kuasar ${args ? `${args} ` : ""}$OPTIONS`,
      "Restart=always",
      `RestartSec=${more.restartSec ?? "100ms"}`,
      "# Of a configuration or a command line that is wrong, which another start does not put right.",
      "RestartPreventExitStatus=2",
      type === "notify" && "# On a machine that emulates its CPU, everything starts at once after a boot.",
      type === "notify" && "TimeoutStartSec=5min",
      "# What it has started belongs to pods and outlives it.",
      "KillMode=process",
      "Delegate=yes",
      "# Its own lines carry their level; others are of a runtime that fails.",
      "SyslogLevel=warning",
      ...(more.powers ? hardening(more.powers) : []),
      "OOMScoreAdjust=-999",
      "LimitNOFILE=1048576",
      "LimitNPROC=infinity",
      "LimitCORE=infinity",
      "TasksMax=infinity",
    ])
  }

[Install]
${lines([more.alias && `Alias=${more.alias}`, "WantedBy=multi-user.target"])}
`;
}

const isSocket = (unit: string) => unit.endsWith(".socket");
