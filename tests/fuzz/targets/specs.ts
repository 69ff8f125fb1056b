/** OCI specs, and the log of the runtimes that get them. */
import { parseProcess, parseSpec, runtimeErrors, stringifySpec } from "../../../lib/oci/mod.ts";
import { orRefusal } from "../refusals.ts";
import { must, mustBeSame, ofText, type Target, texts } from "../target.ts";

const SPEC = JSON.stringify({
  ociVersion: "1.2.1",
  process: { cwd: "/", args: ["sh", "-c", "true"], env: ["A=b"], user: { uid: 0, gid: 0 }, terminal: false },
  root: { path: "rootfs", readonly: true },
  mounts: [{ destination: "/proc", type: "proc", source: "proc", options: ["nosuid"] }],
  annotations: { "io.kubernetes.cri.container-type": "container" },
  linux: { namespaces: [{ type: "pid" }], resources: { memory: { limit: 9 } }, maskedPaths: ["/a"] },
});
const WORDS = [
  ...[
    "null",
    "[]",
    "{}",
    "-1",
    "1e400",
    "9223372036854775807",
    "18446744073709551616",
    '"\\u0000"',
    '"../x"',
  ],
  ...['"__proto__":', '"ociVersion":', '"path":', '"destination":"/a",', "[[[[[[[[", "true"],
];

/** A spec that was taken is written as one that is taken, and is the same then. */
function checkSpec(text: string): void {
  const spec = orRefusal(() => parseSpec(text), ["INVALID_ARGUMENT"]);
  if (spec === undefined) return;
  const written = stringifySpec(spec);
  mustBeSame(stringifySpec(parseSpec(written)), written, "the spec");
}

function checkRuntimeLog(text: string): void {
  const errors = runtimeErrors(text);
  must(errors.every((error) => typeof error === "string"), "an error that is no text");
}

export const SPEC_TARGETS: readonly Target[] = [
  { name: "oci-spec", samples: texts(SPEC), words: WORDS, check: ofText(checkSpec) },
  {
    name: "oci-process",
    samples: texts(JSON.stringify(JSON.parse(SPEC).process)),
    words: WORDS,
    check: ofText((text) => void orRefusal(() => parseProcess(text), ["INVALID_ARGUMENT"])),
  },
  {
    name: "runtime-log",
    samples: texts(
      '{"level":"error","msg":"a \\"b\\" {c}","time":"t"}\n{"level":"info","msg":"x"}',
      '{"level":"ERROR","message":"m\\n\\nStack backtrace:\\n0"}',
    ),
    words: ["{", "}", '"', "\\", '"level":"error"', "null"],
    check: ofText(checkRuntimeLog),
  },
];
