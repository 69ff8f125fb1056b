import { waitForCri } from "../../lib/cri/mod.ts";
import { type Check, ofKind } from "./check.ts";
import { install, type Kind, KINDS, uninstall } from "./install.ts";
import { ctrExecCheck, dockerChecks } from "./docker_checks.ts";
import { e2eChecks } from "./e2e_checks.ts";
import {
  appArmor,
  exec,
  firstContainer,
  inSlice,
  life,
  ownRoot,
  stdio,
  volumes,
  vsockStrangers,
  wasmModule,
} from "./pod_checks.ts";
import {
  ctlCheck,
  killOften,
  killTaskServer,
  nothingIsLeft,
  reboot,
  restartAll,
  restartEach,
  START_TIMEOUT_MS,
  unitsAreUp,
  verifyUnits,
} from "./unit_checks.ts";

const begin: readonly Check[] = [
  {
    name: "install",
    run: async (host) => {
      host.beginInstallation();
      await install(host);
    },
  },
  {
    name: "images are imported",
    run: async (host) => {
      await waitForCri(host.machine.containerd, START_TIMEOUT_MS);
      for (const image of ["busybox", "wasm"]) await host.importImage(image);
    },
  },
];

/** After the first containers: whoever waits for them waits for nothing else. */
const units: readonly Check[] = [
  { name: "units are up", run: unitsAreUp },
  { name: "systemd-analyze verify", run: verifyUnits },
];

const pod = (kind: Kind): Check[] => [
  ofKind(kind, "exec", exec),
  ofKind(kind, "stdio", stdio),
  ofKind(kind, "volumes", volumes),
];

const nothing: Check = { name: "nothing is left of the pods", run: nothingIsLeft };
const purge: Check = { name: "purge leaves nothing", run: uninstall };

/**
 * All of it, for `deno task test:host`.
 *
 * @param more checks that leave pods running
 * @param e2e kinds whose end-to-end tests run in the machine
 */
export const allChecks = (more: readonly Check[], e2e: readonly Kind[]): readonly Check[] => [
  ...begin,
  ...KINDS.map((kind) => ofKind(kind, "first container", firstContainer)),
  ...units,
  { name: "kuasar-ctl check", run: ctlCheck },
  ...KINDS.flatMap((kind) => [
    ...pod(kind),
    ofKind(kind, "life of a container", life),
    ofKind(kind, "in a kubelet's slice", inSlice),
  ]),
  { name: "wasm: a module", run: wasmModule },
  ofKind("qemu", "a root of its own", ownRoot),
  ofKind("qemu", "strangers on the host's vsock", vsockStrangers),
  ...dockerChecks,
  { name: "AppArmor holds, nothing is denied", run: appArmor },
  { name: "restart of each unit, pods go on", run: restartEach },
  { name: "death of the task server, pods go on", run: killTaskServer },
  { name: "seven deaths of a service, pods go on", run: killOften },
  { name: "reboot with pods", run: reboot },
  ...KINDS.map((kind) => ofKind(kind, "first container after the reboot", firstContainer)),
  ...more,
  nothing,
  ...e2eChecks(e2e),
  purge,
];

/** The short list: each fault that only such a host shows, in minutes. */
export const slice = (more: readonly Check[] = []): readonly Check[] => [
  ...begin,
  ...(["runc", "qemu"] as const).map((kind) => ofKind(kind, "first container", firstContainer)),
  ...units,
  ...(["runc", "qemu"] as const).flatMap(pod),
  ofKind("qemu", "a root of its own", ownRoot),
  ofKind("qemu", "strangers on the host's vsock", vsockStrangers),
  ctrExecCheck("qemu"),
  { name: "AppArmor holds, nothing is denied", run: appArmor },
  { name: "restart of all units, pods go on", run: restartAll },
  ...more,
  nothing,
  purge,
];
