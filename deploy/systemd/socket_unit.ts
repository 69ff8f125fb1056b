import { TARGET } from "./service_unit.ts";

/** A socket that systemd holds for a service. */
export interface SocketUnit {
  /** Below the run directory, without `.sock`; the service finds it by this name. */
  name: string;
  description: string;
  /** The unit that it starts, where that does not have its own name. */
  service?: string;
  /** Units besides containerd that connect to it. */
  before?: readonly string[];
}

/** The text of a socket's unit file. */
export function socketUnit({ name, description, service, before = [] }: SocketUnit): string {
  return `[Unit]
Description=${description}
Before=${["containerd.service", ...before].join(" ")}
PartOf=${TARGET}

[Socket]
ListenStream=/run/kuasar/${name}.sock
FileDescriptorName=${name}
SocketMode=0600
DirectoryMode=0755
Backlog=512
RemoveOnStop=yes
# A service that cannot start is no reason to stop listening: by default systemd gives up after 20 tries in 2 s.
TriggerLimitIntervalSec=0
${service === undefined ? "" : `Service=${service}\n`}
[Install]
WantedBy=sockets.target
`;
}
