import { deepStrictEqual, match, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { KuasarError } from "../errors/mod.ts";
import { checkId, MAX_SPEC_LENGTH, parseProcess, parseSpec, stringifySpec, withoutLabels } from "./mod.ts";

function refusal(json: string): KuasarError {
  let found: unknown;
  throws(() => parseSpec(json), (error) => (found = error) instanceof KuasarError);
  strictEqual((found as KuasarError).code, "INVALID_ARGUMENT");
  return found as KuasarError;
}

const small = { ociVersion: "1.2.1", process: { cwd: "/" }, root: { path: "rootfs" } };

Deno.test("a spec is returned with everything that we do not know", () => {
  const spec = { ...small, vm: { x: 1 }, linux: { seccomp: { defaultAction: "SCMP_ACT_ERRNO" } } };
  deepStrictEqual(parseSpec(JSON.stringify(spec)), spec);
});

Deno.test("null counts as absent", () => {
  deepStrictEqual(parseSpec(JSON.stringify({ ...small, mounts: null, hooks: null })), small);
});

for (
  const [what, wrong, message] of [
    ["no version", {}, /ociVersion must be present, is missing/],
    [
      "a relative destination",
      { ...small, mounts: [{ destination: "a" }] },
      /mounts\[0\]\.destination must be an abs/,
    ],
    [
      "an unknown namespace",
      { ...small, linux: { namespaces: [{ type: "net" }] } },
      /namespaces\[0\]\.type must be one/,
    ],
    [
      "a number as argument",
      { ...small, process: { cwd: "/", args: [1] } },
      /process\.args\[0\] must be a string, is 1/,
    ],
    ["NUL in a path", { ...small, root: { path: "a\0b" } }, /root\.path must be a string without NUL/],
    ["a list as annotations", { ...small, annotations: [] }, /annotations must be an object/],
    [
      "too many mounts",
      { ...small, mounts: Array(1025).fill({ destination: "/a" }) },
      /at most 1024 items, is 1025/,
    ],
    ["an inherited property", { ...small, root: { toString: 1 } }, /root\.path must be present/],
  ] as const
) {
  Deno.test(`a spec with ${what} is refused`, () => match(refusal(JSON.stringify(wrong)).message, message));
}

Deno.test("what is not JSON, too long or too deep is refused", () => {
  match(refusal("{").message, /Cannot use the OCI spec/);
  match(refusal(" ".repeat(MAX_SPEC_LENGTH + 1)).message, /characters long/);
  match(refusal("[".repeat(100) + "]".repeat(100)).message, /nested deeper/);
});

Deno.test("any JSON is either refused as INVALID_ARGUMENT or returned unchanged", () => {
  fc.assert(fc.property(fc.json(), (json) => {
    try {
      parseSpec(json);
    } catch (error) {
      strictEqual((error as KuasarError).code, "INVALID_ARGUMENT");
    }
  }));
});

Deno.test("a process spec is read on its own", () => {
  strictEqual(parseProcess('{"cwd":"/","args":["true"],"terminal":true}').terminal, true);
  throws(() => parseProcess('{"args":[]}'), /process\.cwd must be present/);
});

Deno.test("an id that could leave its directory is refused", () => {
  strictEqual(checkId("a.b-c_1", "id"), "a.b-c_1");
  for (const id of ["", ".", "..", "a/b", "-a", "a\n", "a\0", "x".repeat(129)]) {
    throws(() => checkId(id, "container id"), { code: "INVALID_ARGUMENT" });
  }
});

Deno.test("64-bit numbers survive a round trip", () => {
  const json = '{"ociVersion":"1.2.1","process":{"cwd":"/","rlimits":[{"type":"RLIMIT_CORE","soft":0,' +
    '"hard":18446744073709551615}]},"linux":{"resources":{"memory":{"limit":9223372036854775807}}}}';
  strictEqual(stringifySpec(parseSpec(json)), json);
});

Deno.test("labels of the host's kernel are taken from a process, all else is kept", () => {
  const process = { cwd: "/", apparmorProfile: "a", selinuxLabel: "s", noNewPrivileges: true };
  deepStrictEqual(withoutLabels(process), { cwd: "/", noNewPrivileges: true });
  strictEqual(process.apparmorProfile, "a");
});
