import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { type Mount, NAMESPACE_TYPES, parseSpec, type Spec, stringifySpec } from "../../../lib/oci/mod.ts";
import { minimalSpec } from "./_fixture.ts";
import { rewriteSpec, SPEC_CHAIN } from "./chain.ts";
import { isBind } from "./mounts.ts";

const option = fc.constantFrom("ro", "rw", "bind", "rbind", "rshared", "slave", "nosuid", "size=1k", "idmap");
const mounts = fc.array(
  fc.record({
    destination: fc.constantFrom("/a", "/etc/hosts", "/dev/shm", "/dev/shm/", "/sys/fs/cgroup", "/"),
    type: fc.constantFrom("bind", "tmpfs", "proc", "cgroup", "none"),
    source: fc.constantFrom("/host/x", "shm", "/proc/1/root"),
    options: fc.array(option, { maxLength: 4 }),
  }),
  { maxLength: 8 },
);
const specs = fc.record({
  mounts,
  namespaces: fc.array(
    // Another container's PID namespace is refused; see namespaces.
    fc.record({ type: fc.constantFrom(...NAMESPACE_TYPES), path: fc.constantFrom("", "/proc/7/ns/x") })
      .map((namespace) => namespace.type === "pid" ? { type: namespace.type } : namespace),
    { maxLength: 8 },
  ),
  annotations: fc.dictionary(fc.string(), fc.string()),
  seccomp: fc.jsonValue().filter((value) => value !== null),
  cpu: fc.record({ cpus: fc.string(), shares: fc.nat() }),
  readonly: fc.boolean(),
}).map(({ mounts, namespaces, annotations, seccomp, cpu, readonly }): Spec => ({
  ...minimalSpec(),
  hooks: { poststop: [] },
  annotations,
  mounts,
  root: { path: "/host/rootfs", readonly },
  linux: { namespaces, seccomp, resources: { cpu }, cgroupsPath: "/x" },
}));

/** A source for every bind, as storage plans it. */
const sources = (list: Mount[]) =>
  new Map(
    list.flatMap((mount, i) => isBind(mount) ? [[i, `/run/kuasar/state/c1/volumes/${i}`] as const] : []),
  );

Deno.test("no path of the host is left, and what is not ours goes through untouched", () => {
  fc.assert(fc.property(specs, fc.boolean(), (spec, sharePid) => {
    const before = stringifySpec(spec);
    const context = { containerId: "c1", sharePid, guestSources: sources(spec.mounts!) };
    const { spec: out } = rewriteSpec(spec, context);
    strictEqual(stringifySpec(spec), before, "the spec that was given has changed");
    deepStrictEqual(out.annotations, spec.annotations);
    deepStrictEqual(out.linux?.seccomp, spec.linux?.seccomp);
    deepStrictEqual(out.process, spec.process);
    for (const { path } of out.linux!.namespaces!) ok(!path || path.startsWith("/run/sandbox-ns/"));
    const types = out.linux!.namespaces!.map(({ type }) => type);
    strictEqual(new Set(types).size, types.length, "a namespace stands twice");
    ok(!types.includes("network"));
    for (const mount of out.mounts!) {
      if (!isBind(mount)) continue;
      ok(mount.source?.startsWith("/run/kuasar/"), String(mount.source));
      ok(!(mount.options ?? []).some((o) => /^r?(shared|slave)$/.test(o)));
    }
    // Every mount is still there, in its place.
    spec.mounts!.forEach((mount, i) => strictEqual(out.mounts![i]!.destination, mount.destination));
  }));
});

Deno.test("a spec that has been rewritten stays as it is when rewritten again", () => {
  fc.assert(fc.property(specs, (spec) => {
    const context = { containerId: "c1", sharePid: false, guestSources: sources(spec.mounts!) };
    const { spec: once } = rewriteSpec(spec, context);
    deepStrictEqual(rewriteSpec(once, { ...context, guestSources: new Map() }).spec, once);
  }));
});

Deno.test("the result is a valid spec again", () => {
  fc.assert(fc.property(specs, (spec) => {
    const { spec: out } = rewriteSpec(spec, { containerId: "c1", sharePid: true, guestSources: new Map() });
    parseSpec(stringifySpec(out));
  }));
});

Deno.test("docs/storage.md describes the chain as it is", () => {
  const page = Deno.readTextFileSync(new URL("../../../docs/storage.md", import.meta.url));
  const section = page.split(/^## /m).find((part) => part.startsWith("The spec\n")) ?? "";
  const rows = [...section.matchAll(/^\| `([a-z-]+)` +\| (.*?) +\|$/gm)].map(([, name, why]) => ({
    name,
    why,
  }));
  deepStrictEqual(rows, SPEC_CHAIN.map(({ name, why }) => ({ name, why })));
});
