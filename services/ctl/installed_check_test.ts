import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { driverDeployment } from "../../deploy/drivers.ts";
import { pluginsOf } from "./cni_check.ts";
import { askService, judgeKind, type KindFacts } from "./service_check.ts";
import { CORE_UNITS, judgeUnits } from "./unit_check.ts";
import { parseUnitStates, type UnitState } from "./unit_states.ts";

const FACTS: KindFacts = {
  driver: driverDeployment("qemu"),
  answer: { version: "QEMU 10.0.2", share: "virtiofs", notes: [], problems: [] },
  storage: { version: "", share: "", notes: [], problems: [] },
  socket: { load: "loaded", active: "active", file: "disabled" },
  kvm: true,
};
const missing = (what: string, path: string) => ({
  what,
  problem: `is missing: ${path} does not exist`,
  remedy: "install it",
});
const judged = (change: Partial<KindFacts>) => judgeKind({ ...FACTS, ...change });

Deno.test("a kind works where its driver lacks nothing", () => {
  deepStrictEqual(judged({}), { what: "kuasar-qemu", verdict: "ok", detail: "QEMU 10.0.2" });
  strictEqual(judged({ socket: undefined }).verdict, "ok", "without systemd too");
});

Deno.test("what an enabled kind lacks stops its pods, also where its share lacks it", () => {
  const answer = { ...FACTS.answer, problems: [missing("QEMU (qemu_path)", "/usr/bin/qemu")] };
  strictEqual(judged({ answer }).verdict, "missing");
  match(judged({ answer }).remedy!, /install it, or turn the kind off: systemctl mask/);
  const storage = { ...FACTS.answer, problems: [missing("virtiofs", "/usr/libexec/virtiofsd")] };
  match(judged({ storage }).detail, /^virtiofs is missing/);
  strictEqual(judged({ storage, answer: { ...FACTS.answer, share: "9p" } }).verdict, "ok");
  const old = { ...FACTS.answer, version: "QEMU 6.2.0" };
  match(judged({ answer: old }).detail, /older than 7\.2/);
  strictEqual(judged({ answer: { failure: "Cannot use the configuration" } }).verdict, "missing");
  strictEqual(judged({ answer: { ...FACTS.answer, version: "", notes: ["no answer"] } }).detail, "no answer");
});

Deno.test("what a host may do without is absent: a kind turned off, one that no package has, one that needs KVM", () => {
  strictEqual(judged({ socket: { ...FACTS.socket!, load: "masked", active: "inactive" } }).verdict, "absent");
  const driver = driverDeployment("firecracker");
  const problems = [missing("Firecracker (path)", driver.program!.path)];
  strictEqual(judged({ driver, answer: { ...FACTS.answer, problems } }).verdict, "absent");
  const elsewhere = [missing("Firecracker (path)", "/opt/own/firecracker")];
  strictEqual(judged({ driver, answer: { ...FACTS.answer, problems: elsewhere } }).verdict, "missing");
  const answer = { ...FACTS.answer, version: "Firecracker v1.14.0" };
  strictEqual(judged({ driver, answer, kvm: false }).verdict, "absent");
  strictEqual(judged({ driver, answer }).verdict, "ok");
});

Deno.test("another runtime than the usual one is not measured by that one's versions", () => {
  const driver = driverDeployment("runc");
  const of = (version: string) => judged({ driver, answer: { ...FACTS.answer, version, share: "" } }).verdict;
  deepStrictEqual(["crun 1.14.3", "crun 1.8.1", "runc 1.1.5"].map(of), ["ok", "missing", "ok"]);
});

Deno.test("a service is asked with the options of its unit, and its reason is told without the log's wrapping", async () => {
  const says = (text: string) => ["/bin/sh", "-c", `echo '${text}'; exit 0`];
  deepStrictEqual(await askService("kuasar-none", says('{"version":"1"}')), { version: "1" });
  const fails = ["/bin/sh", "-c", `echo 'time=x level=error msg="Cannot: \\"a\\"" code=X' >&2; exit 2`];
  deepStrictEqual(await askService("kuasar-none", fails), { failure: 'Cannot: "a"' });
});

Deno.test("units that are off or failed are told by name", () => {
  const active: UnitState = { load: "loaded", active: "active", file: "enabled" };
  const states = (change: Record<string, Partial<UnitState>>) =>
    new Map(CORE_UNITS.map((name) => [name, { ...active, ...change[name] }]));
  const verdict = (change: Record<string, Partial<UnitState>>) => {
    const [finding] = judgeUnits(states(change));
    return `${finding!.verdict}: ${finding!.detail}`;
  };
  strictEqual(verdict({}), "ok: kuasar.target is enabled and active");
  match(verdict({ "kuasar.target": { file: "disabled" } }), /^slow: .*not after the next boot/);
  match(verdict({ "kuasar.target": { active: "inactive" } }), /^missing: kuasar\.target is inactive/);
  match(verdict({ "kuasar-storage.service": { active: "failed" } }), /^missing: failed: kuasar-storage/);
  match(verdict({ "kuasar-task.service": { active: "inactive" } }), /^missing: not running: kuasar-task/);
  // Services behind sockets come when they are called.
  strictEqual(verdict({ "kuasar-storage.service": { active: "inactive" } }).slice(0, 2), "ok");
  strictEqual(judgeUnits(undefined)[0]!.verdict, "absent");
});

Deno.test("what systemctl shows of several units is read in their order", () => {
  const text = "Id=a.service\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\n\n" +
    "Id=b.socket\nLoadState=not-found\nActiveState=inactive\nUnitFileState=\n";
  deepStrictEqual(
    parseUnitStates(["a.service", "b.socket"], text),
    new Map([
      ["a.service", { load: "loaded", active: "active", file: "enabled" }],
      ["b.socket", { load: "not-found", active: "inactive", file: "" }],
    ]),
  );
});

Deno.test("the programs of a CNI configuration are found, those for addresses too", () => {
  const conflist = { plugins: [{ type: "bridge", ipam: { type: "host-local" } }, { type: "portmap" }] };
  deepStrictEqual(pluginsOf(JSON.stringify(conflist)), ["bridge", "host-local", "portmap"]);
  deepStrictEqual(pluginsOf(`{"type": "ptp"}`), ["ptp"]);
  deepStrictEqual(pluginsOf("no JSON"), []);
});
