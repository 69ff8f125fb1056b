import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { DRIVERS } from "../drivers.ts";
import { CORE_SERVICES, driverService, nodeSet, socketsOf } from "../supervisor/mod.ts";
import { parseUnit, type Unit, words } from "./units.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** Where the units expect the checkout. */
const INSTALLED = "/usr/local/lib/kuasar";

/** All keys our units may use, by section; a typing mistake is only a warning for systemd. */
const KEYS: Record<string, readonly string[]> = {
  Unit: ["Description", "Documentation", "Requires", "Wants", "After", "Before"],
  Service: [
    "Type",
    "Sockets",
    "Environment",
    "EnvironmentFile",
    "ExecStart",
    "Restart",
    "RestartSec",
    "KillMode",
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
    "Service",
  ],
  Install: ["WantedBy", "Alias"],
};

const units = new Map<string, Unit>();
for (const entry of Deno.readDirSync(here)) {
  if (!/\.(service|socket)$/.test(entry.name)) continue;
  units.set(entry.name, parseUnit(Deno.readTextFileSync(here + entry.name)));
}

for (const [name, unit] of units) {
  Deno.test(`${name} has only known sections and keys, and names only units that exist`, () => {
    for (const [section, settings] of unit) {
      for (const key of settings.keys()) ok(KEYS[section]?.includes(key), `[${section}] ${key}`);
    }
    for (const key of ["Requires", "Wants", "After", "Before"]) {
      for (const other of words(unit, "Unit", key)) {
        ok(units.has(other) || other === "containerd.service", `${key}=${other}`);
      }
    }
    deepStrictEqual(words(unit, "Unit", "Before"), ["containerd.service"]);
  });
}

for (const service of [...CORE_SERVICES, ...DRIVERS.map(({ name }) => driverService(name))]) {
  Deno.test(`the unit of ${service} runs what the supervisor runs, with the same sockets`, () => {
    const unit = units.get(`kuasar-${service}.service`)!;
    strictEqual(words(unit, "Service", "KillMode")[0], "process");
    strictEqual(words(unit, "Service", "Delegate")[0], "yes");
    strictEqual(words(unit, "Service", "Type")[0], "notify");
    const spec = nodeSet({
      root: INSTALLED,
      runDir: "/run/kuasar",
      taskServer: "/usr/local/bin/kuasar-task",
      drivers: DRIVERS,
      virtiofsd: "/usr/libexec/virtiofsd",
      containerdTtrpc: "/run/containerd/containerd.sock.ttrpc",
    }).find((s) => s.name === service)!;
    const command = words(unit, "Service", "ExecStart");
    const program = (args: readonly string[]) => args.find((a) => a.endsWith(".ts"))!;
    strictEqual(program(command), program(spec.args));
    ok(Deno.statSync(program(command).replace(INSTALLED, root)).isFile);
    deepStrictEqual(
      command.filter((a) => a.startsWith("--v8")),
      spec.args.filter((a) => a.startsWith("--v8")),
    );
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
  const command = words(unit, "Service", "ExecStart");
  ok(command.includes("--run-dir") && command.includes("--containerd-ttrpc"));
});

Deno.test("a line that is no setting is refused with its number", () => {
  throws(() => parseUnit("[Unit]\nnonsense\n"), /line 2/);
  throws(() => parseUnit("Description=x\n"), /line 1/);
});

Deno.test({
  name: "systemd itself finds nothing wrong with the units",
  ignore: !exists("/usr/bin/systemd-analyze"),
  fn: async () => {
    const files = [...units.keys()].map((name) => here + name);
    const { stderr } = await new Deno.Command("systemd-analyze", {
      args: ["verify", "--man=no", ...files],
      stdout: "null",
      stderr: "piped",
    }).output();
    // What the units run is installed elsewhere.
    const lines = new TextDecoder().decode(stderr).split("\n").filter((l) => l.includes("kuasar-"));
    deepStrictEqual(lines.filter((l) => !/is not executable/.test(l)), []);
  },
});

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
