import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import type { Spec } from "../../lib/oci/mod.ts";
import { findEntry, type FoundFile } from "./entry.ts";

const FILES: Record<string, FoundFile> = {
  "/app.wasm": { path: "/app.wasm", format: "module" },
  "/work/app.wasm": { path: "/work/app.wasm", format: "component" },
  "/bin/sh": { path: "/bin/busybox", format: undefined },
  "/bin/module": { path: "/bin/module", format: "module" },
  "/broken.wasm": { path: "/broken.wasm", format: undefined },
  "/text.wat": { path: "/text.wat", format: undefined },
  "/usr/local/bin/tool.wasm": { path: "/usr/local/bin/tool.wasm", format: "module" },
  "/opt/bin/app.wasm": { path: "/opt/bin/app.wasm", format: "module" },
};
const find = (path: string) => FILES[path];

function entry(arg: string, annotations: Record<string, string> = {}, cwd = "/", env: string[] = []) {
  const spec: Spec = { ociVersion: "1.2.1", process: { cwd, args: [arg], env }, annotations };
  return findEntry(spec, find);
}

Deno.test("a module is known by its name and by its content", () => {
  deepStrictEqual(entry("/app.wasm"), { path: "/app.wasm", format: "module", func: undefined });
  deepStrictEqual(entry("/bin/module")?.path, "/bin/module");
  strictEqual(entry("/bin/sh"), undefined);
  strictEqual(entry("sh"), undefined);
});

Deno.test("a relative name is looked for in the working directory, then below the root", () => {
  strictEqual(entry("app.wasm")?.path, "/app.wasm");
  strictEqual(entry("app.wasm", {}, "/work")?.path, "/work/app.wasm");
  strictEqual(entry("./app.wasm", {}, "/elsewhere")?.path, "/app.wasm");
});

Deno.test("a bare name is looked for in PATH first, as of any program", () => {
  const found = (arg: string, path: string, cwd = "/") =>
    entry(arg, {}, cwd, [`PATH=${path}`, "A=/opt"])?.path;
  strictEqual(found("tool.wasm", "/usr/bin:/usr/local/bin"), "/usr/local/bin/tool.wasm");
  strictEqual(found("module", "/usr/bin:/bin"), "/bin/module", "known by its content alone");
  strictEqual(found("app.wasm", "/opt/bin", "/work"), "/opt/bin/app.wasm");
  strictEqual(found("sh", "/bin"), undefined, "a Linux program");
  strictEqual(found("./app.wasm", "/opt/bin", "/work"), "/work/app.wasm", "a path is no name");
  strictEqual(found("app.wasm", "opt/bin:", "/work"), "/work/app.wasm");
  throws(() => found("tool.wasm", "/bin"), { code: "NOT_FOUND" });
  strictEqual(found("tool.wasm#run", "/usr/local/bin"), "/usr/local/bin/tool.wasm");
});

Deno.test("a function can be named", () => {
  deepStrictEqual(entry("/app.wasm#work"), { path: "/app.wasm", format: "module", func: "work" });
});

Deno.test("annotations decide first", () => {
  strictEqual(entry("/bin/module", { "run.oci.handler": "wasm-smart" }), undefined);
  strictEqual(entry("/app.wasm", { "run.oci.handler": "wasm-smart" })?.path, "/app.wasm");
  throws(() => entry("/bin/sh", { "module.wasm.image/variant": "compat" }), { code: "INVALID_ARGUMENT" });
});

Deno.test("what is called a module must be one", () => {
  throws(() => entry("/broken.wasm"), { code: "INVALID_ARGUMENT" });
  throws(() => entry("/text.wat"), { code: "INVALID_ARGUMENT" });
  throws(() => entry("/missing.wasm"), { code: "NOT_FOUND" });
});
