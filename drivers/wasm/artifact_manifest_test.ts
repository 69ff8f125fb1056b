import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { KuasarError } from "../../lib/errors/mod.ts";
import { chooseLayer, wasmLayers } from "./artifact_manifest.ts";

const DIGEST = `sha256:${"ab".repeat(32)}`;
const TITLE = "org.opencontainers.image.title";

Deno.test("modules are found among the layers", () => {
  const layers = [
    { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest: "x" },
    { mediaType: "application/wasm", digest: DIGEST, annotations: { [TITLE]: "app.wasm" } },
    { mediaType: "application/vnd.wasm.content.layer.v1+wasm", digest: DIGEST },
  ];
  deepStrictEqual(wasmLayers(JSON.stringify({ layers }), "x"), [
    { digest: DIGEST, title: "app.wasm" },
    { digest: DIGEST, title: "" },
  ]);
  deepStrictEqual(wasmLayers('{"manifests":[]}', "x"), []);
});

Deno.test("a digest that is none is refused", () => {
  for (const digest of [undefined, 1, "", "sha256:../../x", `sha512:${"ab".repeat(32)}`]) {
    const layers = [{ mediaType: "application/wasm", digest }];
    throws(() => wasmLayers(JSON.stringify({ layers }), "x"), { code: "INVALID_ARGUMENT" });
  }
});

Deno.test("any text is refused or read", () => {
  const check = (json: string) => {
    try {
      wasmLayers(json, "x");
    } catch (error) {
      ok(error instanceof KuasarError && error.code === "INVALID_ARGUMENT");
    }
  };
  fc.assert(fc.property(fc.oneof(fc.json(), fc.string()), check));
  const layer = fc.record({ mediaType: fc.constant("application/wasm"), digest: fc.anything() });
  fc.assert(fc.property(fc.array(layer), (layers) => check(JSON.stringify({ layers }))));
});

Deno.test("the layer is the one of that name, or the only one", () => {
  const [a, b] = [{ digest: DIGEST, title: "a.wasm" }, { digest: DIGEST, title: "b.wasm" }];
  strictEqual(chooseLayer([a, b], "/x/b.wasm"), b);
  strictEqual(chooseLayer([a], "/main.wasm"), a);
  throws(() => chooseLayer([a, b], "/main.wasm"), { code: "INVALID_ARGUMENT" });
});
