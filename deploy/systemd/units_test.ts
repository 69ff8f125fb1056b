import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { isFile } from "../../lib/files/mod.ts";
import { DRIVERS } from "../drivers.ts";
import { CORE_SERVICES, driverService, socketsOf } from "../supervisor/mod.ts";
import { allUnits, STOP_TARGET, TARGET } from "./mod.ts";
import { parseUnit, type Unit, words } from "./units.ts";

/** All keys our units may use, by section; a typing mistake is only a warning for systemd. */
const KEYS: Record<string, readonly string[]> = {
  Unit: [
    "Description",
    "Documentation",
    "Requires",
    "Wants",
    "After",
    "Before",
    "PartOf",
    "Conflicts",
    "RefuseManualStop",
    "StopWhenUnneeded",
    "StartLimitIntervalSec",
  ],
  Service: [
    "Type",
    "Sockets",
    "Environment",
    "EnvironmentFile",
    "ExecStart",
    "Restart",
    "RestartSec",
    "RestartPreventExitStatus",
    "TimeoutStartSec",
    "NoNewPrivileges",
    "CapabilityBoundingSet",
    "RestrictAddressFamilies",
    "RestrictNamespaces",
    "SystemCallFilter",
    "SystemCallErrorNumber",
    "SystemCallArchitectures",
    "LockPersonality",
    "RestrictRealtime",
    "RestrictSUIDSGID",
    "ProtectClock",
    "DevicePolicy",
    "DeviceAllow",
    "IPAddressDeny",
    "KillMode",
    "SyslogLevel",
    "Delegate",
    "OOMScoreAdjust",
    "LimitNOFILE",
    "LimitNPROC",
    "LimitCORE",
    "TasksMax",
  ],
  Socket: [
    "ListenStream",
    "FileDescriptorName",
    "SocketMode",
    "DirectoryMode",
    "Backlog",
    "RemoveOnStop",
    "TriggerLimitIntervalSec",
    "Service",
  ],
  Install: ["WantedBy", "Alias"],
};

const texts = allUnits(DRIVERS);
const units = new Map<string, Unit>([...texts].map(([name, text]) => [name, parseUnit(text)]));

for (const [name, unit] of units) {
  Deno.test(`${name} has only known sections and keys, and names only units that exist`, () => {
    for (const [section, settings] of unit) {
      for (const key of settings.keys()) ok(KEYS[section]?.includes(key), `[${section}] ${key}`);
    }
    for (const key of ["Requires", "Wants", "After", "Before", "PartOf", "Conflicts"]) {
      for (const other of words(unit, "Unit", key)) {
        ok(units.has(other) || other === "containerd.service", `${key}=${other}`);
      }
    }
    if (name !== STOP_TARGET) ok(words(unit, "Unit", "Before").includes("containerd.service"));
  });
}

for (const service of [...CORE_SERVICES, ...DRIVERS.map(({ name }) => driverService(name))]) {
  Deno.test(`the unit of ${service} runs its program with the sockets that it looks for`, () => {
    const unit = units.get(`kuasar-${service}.service`)!;
    strictEqual(words(unit, "Service", "KillMode")[0], "process");
    strictEqual(words(unit, "Service", "Delegate")[0], "yes");
    strictEqual(words(unit, "Service", "Type")[0], "notify");
    strictEqual(words(unit, "Unit", "StartLimitIntervalSec")[0], "0", "six deaths must not be the end of it");
    strictEqual(words(unit, "Service", "RestartPreventExitStatus")[0], "2");
    ok(unit.get("Service")!.has("TimeoutStartSec"));
    const [program, ...args] = words(unit, "Service", "ExecStart");
    strictEqual(program, `/usr/local/bin/kuasar-${service}`);
    strictEqual(args.at(-1), "$OPTIONS");
    const sockets = [...units].filter(([name, u]) =>
      name === `kuasar-${service}.socket` || words(u, "Socket", "Service")[0] === `kuasar-${service}.service`
    );
    const names = sockets.map(([, u]) => words(u, "Socket", "FileDescriptorName")[0]!);
    deepStrictEqual(names.sort(), [...socketsOf(service)].sort());
    for (const [name, socket] of sockets) {
      const fdName = words(socket, "Socket", "FileDescriptorName")[0];
      strictEqual(words(socket, "Socket", "ListenStream")[0], `/run/kuasar/${fdName}.sock`);
      strictEqual(words(socket, "Socket", "SocketMode")[0], "0600");
      ok(words(unit, "Unit", "Requires").includes(name));
    }
  });
}

Deno.test("the task server is not stopped with the others and takes the flags of the agent", () => {
  const unit = units.get("kuasar-task.service")!;
  deepStrictEqual(words(unit, "Unit", "Requires"), []);
  strictEqual(words(unit, "Unit", "RefuseManualStop")[0], "yes");
  strictEqual(words(unit, "Unit", "StartLimitIntervalSec")[0], "0");
  const command = words(unit, "Service", "ExecStart");
  ok(command.includes("--run-dir") && command.includes("--containerd-ttrpc"));
});

Deno.test("all units but the task server go with the target, and one other unit ends all", () => {
  const parts = [...units].filter(([, unit]) => words(unit, "Unit", "PartOf")[0] === TARGET).map(([name]) =>
    name
  );
  const alone = [TARGET, STOP_TARGET, "kuasar-task.service"];
  deepStrictEqual(parts.sort(), [...units.keys()].filter((name) => !alone.includes(name)).sort());
  deepStrictEqual(words(units.get(STOP_TARGET)!, "Unit", "Conflicts"), [TARGET, "kuasar-task.service"]);
  ok(!STOP_TARGET.startsWith("kuasar"), "who starts or restarts kuasar* must not end it");
});

Deno.test("a line that is no setting is refused with its number", () => {
  throws(() => parseUnit("[Unit]\nnonsense\n"), /line 2/);
  throws(() => parseUnit("Description=x\n"), /line 1/);
});

/** Hands the units to systemd-analyze, as files. @param args before the files */
async function analyze(args: readonly string[], names = [...texts.keys()]): Promise<string> {
  const dir = await Deno.makeTempDir({ prefix: "ku-" });
  for (const name of names) Deno.writeTextFileSync(`${dir}/${name}`, texts.get(name)!);
  const { stdout, stderr } = await new Deno.Command("systemd-analyze", {
    args: [...args, ...names.map((name) => `${dir}/${name}`)],
  }).output();
  await Deno.remove(dir, { recursive: true });
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

const analyzes = isFile("/usr/bin/systemd-analyze");

Deno.test({
  name: "systemd itself finds nothing wrong with the units",
  ignore: !analyzes,
  fn: async () => {
    const lines = (await analyze(["verify", "--man=no"])).split("\n").filter((l) => l.includes("kuasar-"));
    // What the units run is installed elsewhere.
    deepStrictEqual(lines.filter((l) => !/is not executable/.test(l)), []);
  },
});

/** What systemd-analyze calls the exposure of a unit, of 10. */
const EXPOSED = 6;
/** Whose sandboxes are kernels that take a pod's interface themselves, trace their processes and make every namespace. */
const EXPOSED_BY_KERNELS = 7;

for (const name of [...texts.keys()].filter((name) => name.endsWith(".service"))) {
  // What it is kept from, its containers would be kept from (docs/decisions/units.md).
  if (name === "kuasar-task.service") continue;
  const kernels = DRIVERS.some((driver) =>
    driver.powers === "own-kernel" && name === `kuasar-driver-${driver.name}.service`
  );
  Deno.test({
    name: `${name} may do little more than it must`,
    ignore: !analyzes,
    fn: async () => {
      const text = await analyze(["security", "--offline=true", "--no-pager"], [name]);
      const exposure = Number(/exposure level for .*: ([\d.]+)/.exec(text)?.[1]);
      ok(exposure < (kernels ? EXPOSED_BY_KERNELS : EXPOSED), `${exposure}\n${text}`);
    },
  });
}

Deno.test("whoever speaks to a guest's agent may do so over the kernel's vsock", () => {
  const speakers = DRIVERS.filter(({ vm }) => vm).map(({ name }) => `kuasar-driver-${name}.service`);
  for (const name of ["kuasar-sandboxer.service", ...speakers]) {
    ok(words(units.get(name)!, "Service", "RestrictAddressFamilies").includes("AF_VSOCK"), name);
  }
});

Deno.test("drivers of VMs may listen where guests tell that they are ready, on a port that is root's alone", () => {
  for (const { name } of DRIVERS.filter(({ vm }) => vm)) {
    const unit = units.get(`kuasar-driver-${name}.service`)!;
    ok(words(unit, "Service", "CapabilityBoundingSet").includes("CAP_NET_BIND_SERVICE"), name);
  }
});

Deno.test("no service keeps the task server's containers from anything", () => {
  const service = units.get("kuasar-task.service")!.get("Service")!;
  for (const key of ["NoNewPrivileges", "CapabilityBoundingSet", "SystemCallFilter", "RestrictNamespaces"]) {
    ok(!service.has(key), key);
  }
});

Deno.test("no service has a mount namespace of its own: its mounts are the host's", () => {
  for (const [name, unit] of units) {
    for (const key of unit.get("Service")?.keys() ?? []) {
      ok(
        !/^(Private(Mounts|Tmp|Devices)|Protect(System|Home|Kernel|Control|Proc)|ReadOnly|MountFlags)/.test(
          key,
        ),
        name,
      );
    }
  }
});
