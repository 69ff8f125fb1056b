import { deepStrictEqual, ok } from "node:assert/strict";
import { root } from "../../root.ts";
import type { BodyRule } from "../http/body_rule.ts";
import { BODY_RULES } from "./body_rules.ts";

/** Cloud Hypervisor's published schema; it is not a part of the project. */
const SCHEMA = `${root}/../shared/data/cloud-hypervisor-v53-openapi.yaml`;

/** The published name of the body of each request. */
const BODIES: Readonly<Record<string, string>> = {
  "vm.create": "VmConfig",
  "vm.resize": "VmResize",
  "vm.add-disk": "DiskConfig",
  "vm.add-net": "NetConfig",
  "vm.add-fs": "FsConfig",
  "vm.add-pmem": "PmemConfig",
  "vm.add-vsock": "VsockConfig",
  "vm.add-device": "DeviceConfig",
  "vm.remove-device": "VmRemoveDevice",
  "vm.snapshot": "VmSnapshotConfig",
  "vm.restore": "RestoreConfig",
};

/** Fields that the program reads and its published schema leaves out. */
const UNPUBLISHED = new Set(["RestoreConfig.net_fds"]);

/** A named schema: its properties, and what each refers to. */
type Properties = ReadonlyMap<string, string | undefined>;

/** Reads the names of properties, and their references, of one schema out of the file's layout. */
function properties(text: string, name: string): Properties {
  const lines = text.split("\n");
  const start = lines.indexOf(`    ${name}:`);
  ok(start > 0, `the published schema has no ${name}`);
  const found = new Map<string, string | undefined>();
  let inside = false;
  let last = "";
  for (const line of lines.slice(start + 1)) {
    if (/^ {0,4}\S/.test(line)) break;
    if (/^ {6}\S/.test(line)) inside = line.trim() === "properties:";
    if (!inside) continue;
    const [, key] = /^ {8}(\w[\w-]*):/.exec(line) ?? [];
    if (key !== undefined) found.set(last = key, undefined);
    const [, reference] = /\$ref: ["']#\/components\/schemas\/(\w+)["']/.exec(line) ?? [];
    if (reference !== undefined) found.set(last, reference);
  }
  return found;
}

function unknownFields(text: string, rule: BodyRule, name: string): string[] {
  if (rule.kind === "array") return unknownFields(text, rule.items, name);
  if (rule.kind !== "object") return [];
  const known = properties(text, name);
  return Object.entries(rule.fields).flatMap(([key, field]) => {
    const path = `${name}.${key}`;
    if (!known.has(key)) return UNPUBLISHED.has(path) ? [] : [path];
    const reference = known.get(key);
    return reference === undefined ? [] : unknownFields(text, field.rule, reference);
  });
}

Deno.test("every field that the stand-in lets through is published", async () => {
  let text: string;
  try {
    text = await Deno.readTextFile(SCHEMA);
  } catch {
    console.log("Skipped: the published schema of Cloud Hypervisor is not here");
    return;
  }
  for (const [request, name] of Object.entries(BODIES)) {
    deepStrictEqual(unknownFields(text, BODY_RULES[request]!, name), [], request);
  }
});
