/** What the host's kernel, containerd, its clients and images say to the services. */
import { Buffer } from "node:buffer";
import { elfInterpreter } from "../../../lib/elf/interpreter.ts";
import { moduleFormat } from "../../../drivers/wasm/module_format.ts";
import { parseNnPreload } from "../../../drivers/wasm/nn_preload.ts";
import { SCHEMA } from "../../../drivers/qemu/config_schema.ts";
import { parseConfig } from "../../../lib/config/mod.ts";
import { parseStatus } from "../../../lib/cri/remote_command.ts";
import { FrameFilter, goaways, PREFACE_BYTES } from "../../../lib/grpc/frame_filter.ts";
import { mountAttributes, mountFlags } from "../../../lib/mounts/mod.ts";
import { parseMountinfo } from "../../../lib/mounts/mountinfo.ts";
import { parseSpec } from "../../../lib/oci/mod.ts";
import { parseStat } from "../../../lib/process/process_ref.ts";
import { PodSandboxConfig } from "../../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";
import { parseUnitStates } from "../../../services/ctl/unit_states.ts";
import { decodeMetadata, decodePodConfig } from "../../../services/sandboxer/pod_config.ts";
import { rewriteSpec } from "../../../services/storage/spec/chain.ts";
import { orRefusal } from "../refusals.ts";
import { must, mustBeSame, ofText, type Target, texts } from "../target.ts";
import { SPEC_TARGETS } from "./specs.ts";

const MOUNT = "9 4 0:31 / /a\\040b rw,nosuid shared:7 master:3 - tmpfs tmpfs rw,size=4k\n";
const POD = PodSandboxConfig.encode(PodSandboxConfig.decode(new Uint8Array(0))).finish();

/** A 64-bit program whose second header names a loader. */
function elf(): Uint8Array {
  const bytes = new Uint8Array(64 + 2 * 56 + 16);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x7f454c46);
  bytes.set([2, 1], 4);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 2, true);
  view.setUint32(64 + 56, 3, true);
  view.setBigUint64(64 + 56 + 8, BigInt(64 + 2 * 56), true);
  view.setBigUint64(64 + 56 + 32, 16n, true);
  bytes.set(new TextEncoder().encode("/lib/ld-linux.so"), 64 + 2 * 56);
  return bytes;
}

/** A HTTP/2 connection: the preface, settings, a GOAWAY, data. */
function http2(): Uint8Array {
  const frames = [[4, 0], [7, 8], [0, 20]].flatMap((
    [type, length],
  ) => [0, 0, length!, type!, 0, 0, 0, 0, 1, ...new Uint8Array(length!)]);
  return Uint8Array.from([...new Uint8Array(PREFACE_BYTES), ...frames]);
}

/** What is passed does not depend on how the bytes were cut. */
function checkFilter(input: Uint8Array): void {
  const passed = (size: number) => {
    const filter = new FrameFilter(goaways, PREFACE_BYTES);
    const parts = [];
    for (let at = 0; at < input.length; at += size) {
      parts.push(filter.pass(Buffer.from(input.subarray(at, at + size))));
    }
    return Buffer.concat(parts).toString("hex");
  };
  mustBeSame(passed(5), passed(Math.max(1, input.length)), "pieces and the whole");
}

/** No path of the host gets into a guest with a spec, whatever the spec. */
function checkRewrite(text: string): void {
  const spec = orRefusal(() => parseSpec(text), ["INVALID_ARGUMENT"]);
  if (!spec) return;
  const out = orRefusal(
    () => rewriteSpec(spec, { containerId: "c1", sharePid: true, guestSources: new Map() }).spec,
    ["INVALID_ARGUMENT", "UNIMPLEMENTED", "FAILED_PRECONDITION"],
  );
  const paths = out?.linux?.namespaces?.map(({ path }) => path ?? "") ?? [];
  must(paths.every((path) => path === "" || path.startsWith("/run/sandbox-ns/")), "a namespace of the host");
}

export const HOST_TARGETS: readonly Target[] = [
  {
    name: "mountinfo",
    samples: texts(MOUNT, MOUNT + "1 0 8:1 / / rw - ext4 /dev/a rw\n"),
    words: [" - ", "\\040", "\\134", "\n", "\\"],
    check: ofText((text) => {
      const entries = orRefusal(() => parseMountinfo(text), ["INTERNAL"]) ?? [];
      must(entries.length <= text.split("\n").length, "more mounts than lines");
    }),
  },
  {
    name: "mount-options",
    samples: texts("rw,nosuid,rbind,size=4k,ro", "lowerdir=/a:/b,upperdir=/c"),
    words: [",", "=", "ro", "rshared", "\0"],
    check: ofText((text) => {
      mountFlags(text.split(","));
      mountAttributes(text.split(","));
    }),
  },
  {
    name: "proc-stat",
    samples: texts("7 (a b) c) S 1 7 7 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 1 0 12345 1000 50 1844"),
    words: [")", "(", " ", "\n"],
    check: ofText((line) => void parseStat(line)),
  },
  {
    name: "http2",
    samples: [http2()],
    check: checkFilter,
  },
  {
    name: "remote-status",
    samples: texts(
      '{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"3"}]}}',
      '{"status":"Success"}',
    ),
    words: ["null", "[]", "{}", '"causes":', "1e9", '"ExitCode"'],
    check: ofText((text) => must(Number.isInteger(parseStatus(text).exitCode), "no exit code")),
  },
  {
    name: "pod-config",
    samples: [POD, Uint8Array.of(10, 6, 10, 1, 97, 18, 1, 98)],
    check: (value) => {
      orRefusal(() => decodePodConfig({ typeUrl: "runtime.v1.PodSandboxConfig", value }), [
        "INVALID_ARGUMENT",
      ]);
    },
  },
  {
    name: "pod-metadata",
    samples: texts('{"Metadata":{"RuntimeHandler":"kuasar-qemu"}}'),
    words: ["null", "{}", "[]", '"__proto__"'],
    check: (value) => {
      const { runtimeHandler } =
        orRefusal(() => decodeMetadata({ metadata: { typeUrl: "", value } }), ["INVALID_ARGUMENT"]) ??
          { runtimeHandler: "" };
      must(typeof runtimeHandler === "string", "a handler that is no text");
    },
  },
  { ...SPEC_TARGETS[0]!, name: "spec-for-guests", check: ofText(checkRewrite) },
  {
    name: "configuration",
    samples: texts('[hypervisor]\nvcpus = 1\nkernel_path = "/a"\n\n[sandbox]\nlog_level = "info"\n'),
    words: ["[", "]", "=", '"""', "__proto__", "inf", "[[hypervisor]]", "1979-05-27"],
    check: ofText((text) => void orRefusal(() => parseConfig(SCHEMA, text), ["INVALID_ARGUMENT"])),
  },
  {
    name: "unit-states",
    samples: texts("LoadState=loaded\nActiveState=active\n\nLoadState=not-found\n"),
    words: ["\n\n", "=", "__proto__=1"],
    check: ofText((text) => must(parseUnitStates(["a", "b"], text).size === 2, "a unit is missing")),
  },
  {
    name: "wasm-head",
    samples: [
      Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0),
      Uint8Array.of(0, 0x61, 0x73, 0x6d, 13, 0, 1, 0),
    ],
    check: (head) => void moduleFormat(head),
  },
  {
    name: "elf",
    samples: [elf()],
    check: async (file) => {
      const loader = await elfInterpreter(async (offset, length) => file.subarray(offset, offset + length));
      must(loader === undefined || loader.length <= 4096, "a long path");
    },
  },
  {
    name: "nn-preload",
    samples: texts("default:GGML:AUTO:model.gguf", "a:B:CPU:/m,b:B:GPU:n"),
    words: ["../", ":", ",", "\0", "//"],
    check: ofText((text) => {
      const models = orRefusal(() => parseNnPreload(text), ["INVALID_ARGUMENT"]) ?? [];
      must(models.every(({ path }) => path.startsWith("/") && !path.split("/").includes("..")), "a way out");
    }),
  },
];
