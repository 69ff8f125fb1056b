import { match, notStrictEqual, strictEqual } from "node:assert/strict";
import { hostTools } from "../../deploy/host/mod.ts";
import { type Check, ofKind } from "./check.ts";
import type { DebianHost } from "./debian_host.ts";
import { HOST_FILES } from "./image.ts";
import { APT, type Kind } from "./install.ts";
import { CONTAINERD } from "./machine.ts";

/** Those of which AppArmor knows nothing: a profile that is put into an exec names none of their kernel's. */
const OWN_KERNEL: readonly Kind[] = ["qemu", "gvisor"];

const IMAGE = "busybox:docker";
const COMMAND = `sh -c "uname -r; echo e >&2; exit 7"`;

/** As docs/shim.md says. */
const DAEMON = {
  bridge: "none",
  runtimes: Object.fromEntries(
    OWN_KERNEL.map((kind) => [`kuasar-${kind}`, { runtimeType: `io.containerd.kuasar-${kind}.v2` }]),
  ),
};

/** Its events have to come from the containerd that our task server knows; `daemon.json` may not say what the unit says. */
const UNIT_FOLDER = "/etc/systemd/system/docker.service.d";
const UNIT = `[Service]\\nExecStart=\\nExecStart=/usr/sbin/dockerd -H fd:// --containerd=${CONTAINERD}\\n`;

/** Installs Debian's Docker and gives it an image. @returns its version */
async function installDocker({ machine, suite }: DebianHost): Promise<string> {
  const [busybox, rootfs] = [HOST_FILES + hostTools().busyboxStatic, "/srv/docker"];
  await machine.must(
    `mkdir -p /etc/docker ${UNIT_FOLDER} ${rootfs}/bin && ` +
      `echo '${JSON.stringify(DAEMON)}' > /etc/docker/daemon.json && ` +
      `printf '${UNIT}' > ${UNIT_FOLDER}/kuasar.conf && ` +
      `${APT} install ${suite.docker.join(" ")} && cp ${busybox} ${rootfs}/bin/busybox && ` +
      `for name in sh sleep uname; do ln -sf busybox ${rootfs}/bin/$name; done && ` +
      `tar -C ${rootfs} -c . | docker import - ${IMAGE}`,
  );
  return (await machine.must("docker version --format '{{.Server.Version}}'")).trim();
}

/** What {@link COMMAND} has written and how it has ended, from whatever runs it. */
async function checkExec({ machine }: DebianHost, exec: string): Promise<string> {
  const { code, stdout, stderr } = await machine.run(`${exec} ${COMMAND}`);
  const kernel = stdout.trim();
  match(stderr, /^e$/m);
  strictEqual(code, 7, stderr);
  notStrictEqual(kernel, (await machine.must("uname -r")).trim());
  return `kernel ${kernel}`;
}

/** A container of Docker's, confined as Docker does by default, takes an exec. */
async function dockerExec(host: DebianHost, kind: Kind): Promise<string> {
  const { machine } = host;
  const name = `docker-${kind}`;
  await machine.must(
    `docker run -d --name ${name} --runtime kuasar-${kind} --network none ${IMAGE} sleep 100000`,
  );
  try {
    const profile = await machine.must(`docker inspect --format '{{.AppArmorProfile}}' ${name}`);
    strictEqual(profile.trim(), "docker-default");
    return await checkExec(host, `docker exec ${name}`);
  } finally {
    await machine.must(`docker rm -f ${name}`);
  }
}

/** A container of ctr's with a profile takes an exec. */
async function ctrExec(host: DebianHost, kind: Kind): Promise<string> {
  const { machine } = host;
  const [ctr, name] = ["kuasar-ctr -n k8s.io", `ctr-${kind}`];
  await machine.must(
    `${ctr} run -d --runtime io.containerd.kuasar-${kind}.v2 --apparmor-default-profile cri-containerd.apparmor.d ` +
      `docker.io/library/busybox:kuasar ${name} sleep 100000`,
  );
  try {
    return await checkExec(host, `${ctr} tasks exec --exec-id e ${name}`);
  } finally {
    await machine.must(
      `${ctr} tasks kill -s KILL ${name}; ${ctr} tasks delete --force ${name}; ${ctr} containers rm ${name}`,
    );
  }
}

/** Docker goes as it has come; what it needs of Debian's goes with it. */
async function removeDocker({ machine, suite }: DebianHost): Promise<void> {
  await machine.must(
    `${APT} purge --autoremove ${
      suite.docker.join(" ")
    } && rm -rf /etc/docker ${UNIT_FOLDER} /srv/docker && ` +
      // One that has not started is not to fail the checks of our units.
      "systemctl daemon-reload && systemctl reset-failed",
  );
}

/** An exec into which ctr has put a profile of AppArmor. */
export const ctrExecCheck = (kind: Kind): Check => ofKind(kind, "ctr tasks exec with a profile", ctrExec);

/** What puts a profile of AppArmor into every exec, but a kubelet: Docker and ctr. */
export const dockerChecks: readonly Check[] = [
  ...OWN_KERNEL.map(ctrExecCheck),
  { name: "Docker of this Debian", run: installDocker },
  ...OWN_KERNEL.map((kind) => ofKind(kind, "docker exec", dockerExec)),
  { name: "Docker is removed", run: removeDocker },
];
