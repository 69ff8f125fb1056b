import { deepStrictEqual, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { KuasarError } from "../../lib/errors/mod.ts";
import { nnPreloads, parseNnPreload } from "./nn_preload.ts";

const NAME = "io.kuasar.wasm.nn_preload";

Deno.test("Kuasar's form is read, and several models", () => {
  const model = { alias: "default", backend: "GGML", target: "AUTO", path: "/model.gguf" };
  deepStrictEqual(parseNnPreload("default:GGML:AUTO:model.gguf"), [model]);
  deepStrictEqual(parseNnPreload("default:GGML:AUTO:/model.gguf,b:OpenVINO:CPU:./m/b.xml"), [
    model,
    { alias: "b", backend: "OpenVINO", target: "CPU", path: "/m/b.xml" },
  ]);
});

Deno.test("what is not of that form is refused, and so is a path that could leave the image", () => {
  for (
    const wrong of [
      "",
      "a:b:c",
      "a:b:c:d:e",
      "a::c:d",
      "a:b:c:",
      "a:b:c:/",
      "a:b:c:../x",
      "a:b:c:x/../../y",
      "a:b:c:x\0y",
      "-a:b:c:d",
      "a b:b:c:d",
      "a:GGML:CPU:x,a:GGML:CPU:y",
      Array(17).fill(0).map((_, at) => `m${at}:b:c:d`).join(","),
    ]
  ) {
    throws(() => parseNnPreload(wrong), { code: "INVALID_ARGUMENT" }, wrong);
  }
});

Deno.test("any text is refused, or leads to absolute paths without a way up", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "/", ".", ":", ",", "-", "\0", " "), maxLength: 30 });
  fc.assert(fc.property(word, (text) => {
    try {
      for (const { path } of parseNnPreload(text)) {
        ok(/^\/[^\0]+$/.test(path) && !path.split("/").includes(".."));
      }
    } catch (error) {
      ok(error instanceof KuasarError && error.code === "INVALID_ARGUMENT");
    }
  }));
});

Deno.test("the annotation wins over the variable, of which the last counts", () => {
  const alias = (found: ReturnType<typeof nnPreloads>) => found.map(({ alias }) => alias);
  const env = [`${NAME}=first:b:c:d`, "X=1", `${NAME}=last:b:c:d`];
  deepStrictEqual(alias(nnPreloads({}, env)), ["last"]);
  deepStrictEqual(alias(nnPreloads({ [NAME]: "noted:b:c:d" }, env)), ["noted"]);
  deepStrictEqual(nnPreloads({}, ["X=1"]), []);
});
