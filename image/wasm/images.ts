import { createHash } from "node:crypto";
import type { Entry } from "../entry.ts";
import { inOrder } from "../entry.ts";
import { ociArchive, ociImage } from "../oci/layout.ts";
import { assemble, MODULES } from "./assemble.ts";
import { commandComponent } from "./component.ts";

/** An ordinary image with all test modules below its root. */
export const WASM = "docker.io/library/wasm:kuasar";
/** The same, of the platform that Wasm images have in registries. */
const WASI_PLATFORM = "docker.io/library/wasm-wasi:kuasar";
/** The module `hello` as a Wasm OCI artifact, without any file system. */
export const WASM_ARTIFACT = "docker.io/library/wasm-artifact:kuasar";

/** How a container of an artifact is told where the module is: there is no image configuration. */
const ARTIFACT_CONFIG = "application/vnd.wasm.config.v0+json";

/** Assembles the test modules and packs them: archives by the names of their files. */
export async function wasmImages(): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const modules = new Map<string, Uint8Array<ArrayBuffer>>(
    await Promise.all(MODULES.map(async (name) => [name, await assemble(name)] as const)),
  );
  modules.set("component", commandComponent(false));
  modules.set("component-fails", commandComponent(true));
  const entries: Entry[] = [...modules].map(([name, content]) => ({
    kind: "file",
    path: `${name}.wasm`,
    mode: 0o755,
    content,
    origin: "image/wasm",
  }));
  // A module without an ending: only its content tells what it is.
  entries.push({ ...entries[0]!, path: "unnamed" });
  const files = inOrder([...entries, {
    kind: "directory",
    path: "tmp",
    mode: 0o1777,
    origin: "image/wasm",
  }]);
  const config = { Cmd: ["/hello.wasm"] };
  return new Map([
    ["wasm.tar", ociImage(WASM, files, config)],
    ["wasm-wasi.tar", ociImage(WASI_PLATFORM, files, config, { os: "wasi", architecture: "wasm" })],
    ["wasm-artifact.tar", artifact(modules.get("hello")!)],
  ]);
}

/** @see https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/ */
function artifact(module: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const digest = createHash("sha256").update(module).digest("hex");
  return ociArchive({
    reference: WASM_ARTIFACT,
    config: {
      mediaType: ARTIFACT_CONFIG,
      value: {
        created: "1970-01-01T00:00:00Z",
        architecture: "wasm",
        os: "wasip1",
        layerDigests: [`sha256:${digest}`],
        component: null,
      },
    },
    layers: [{ mediaType: "application/wasm", content: module }],
    platform: { os: "wasip1", architecture: "wasm" },
  });
}
