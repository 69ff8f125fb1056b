import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { isFile } from "../../lib/files/mod.ts";
import { DRIVERS } from "../drivers.ts";
import { CORE_SERVICES, driverService, socketsOf } from "../supervisor/mod.ts";
import { driverUnits, target } from "./driver_units.ts";
import { parseUnit, type Unit, words } from "./units.ts";

const here = fileURLToPath(new URL(".", import.meta.url));

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

const texts = new Map<string, string>();
for (const { name } of Deno.readDirSync(here)) {
  if (/\.(service|socket)$/.test(name)) texts.set(name, Deno.readTextFileSync(here + name));
}
for (const [name, text] of DRIVERS.flatMap((driver) => [...driverUnits(driver)])) texts.set(name, text);
texts.set("kuasar.target", target([...texts.keys()]));
const units = new Map<string, Unit>([...texts].map(([name, text]) => [name, parseUnit(text)]));

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
    ok(words(unit, "Unit", "Before").includes("containerd.service"));
  });
}

for (const service of [...CORE_SERVICES, ...DRIVERS.map(({ name }) => driverService(name))]) {
  Deno.test(`the unit of ${service} runs its program with the sockets that it looks for`, () => {
    const unit = units.get(`kuasar-${service}.service`)!;
    strictEqual(words(unit, "Service", "KillMode")[0], "process");
    strictEqual(words(unit, "Service", "Delegate")[0], "yes");
    strictEqual(words(unit, "Service", "Type")[0], "notify");
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
  const command = words(unit, "Service", "ExecStart");
  ok(command.includes("--run-dir") && command.includes("--containerd-ttrpc"));
});

Deno.test("a line that is no setting is refused with its number", () => {
  throws(() => parseUnit("[Unit]\nnonsense\n"), /line 2/);
  throws(() => parseUnit("Description=x\n"), /line 1/);
});

Deno.test({
  name: "systemd itself finds nothing wrong with the units",
  ignore: !isFile("/usr/bin/systemd-analyze"),
  fn: async () => {
    const dir = await Deno.makeTempDir({ prefix: "ku-" });
    const files = [...texts].map(([name, text]) => {
      Deno.writeTextFileSync(`${dir}/${name}`, text);
      return `${dir}/${name}`;
    });
    const { stderr } = await new Deno.Command("systemd-analyze", {
      args: ["verify", "--man=no", ...files],
      stdout: "null",
      stderr: "piped",
    }).output();
    await Deno.remove(dir, { recursive: true });
    // What the units run is installed elsewhere.
    const lines = new TextDecoder().decode(stderr).split("\n").filter((l) => l.includes("kuasar-"));
    deepStrictEqual(lines.filter((l) => !/is not executable/.test(l)), []);
  },
});
