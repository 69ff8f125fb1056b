import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { attach, deviceOf } from "./attach.ts";
import { drawBars, type Span } from "./bars.ts";
import { report } from "./check.ts";
import { splitArguments } from "./command.ts";
import { completionScript } from "./completion.ts";
import { exec, readUntilExit, shellLine, shellQuote } from "./exec.ts";
import { BeginMarker, ExitMarker } from "./markers.ts";
import { type HostFacts, judgeHost } from "./host_facts.ts";
import { toJson } from "./json.ts";
import { list } from "./list.ts";
import { tailOffset } from "./logs.ts";
import { age, textTable } from "./text_table.ts";
import { timelinePage } from "./timeline_page.ts";
import { traceEvents } from "./trace_events.ts";
import { isAtLeast, versionIn } from "../../lib/process/mod.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("arguments split into positionals, flags with values, and the command behind --", () => {
  const parts = splitArguments(exec.flags, ["3fa9", "-t", "5", "--vport=9", "--", "ps", "--help"], exec);
  deepStrictEqual(parts, {
    positionals: ["3fa9"],
    flagArgs: ["--timeout", "5", "--vport=9"],
    rest: ["ps", "--help"],
  });
});

Deno.test("bars stand where their times are", () => {
  const drawn = drawBars([
    { name: "start", beginMs: 0, endMs: 100 },
    { name: "start/a", beginMs: 0, endMs: 50 },
    { name: "start/b", beginMs: 50, endMs: 100 },
  ], 20).split("\n");
  strictEqual(drawn.length, 3);
  ok(drawn[0]!.endsWith("  " + "█".repeat(20)));
  ok(drawn[1]!.endsWith("  " + "█".repeat(10)));
  ok(drawn[2]!.endsWith("  " + " ".repeat(10) + "█".repeat(10)));
});

Deno.test("bars never leave their columns, whatever the times", () => {
  const span = fc.record({
    name: fc.constantFrom("a", "a/b", "c"),
    beginMs: fc.double({ min: 0, max: 1e6, noNaN: true }),
    endMs: fc.double({ min: 0, max: 1e6, noNaN: true }),
  });
  fc.assert(fc.property(fc.array(span), (spans) => {
    for (const line of drawBars(spans, 30).split("\n")) {
      ok([...line.replace(/^.*? ms +\S+ ms {2}/, "")].length <= 31, line);
    }
  }));
});

Deno.test("the exit marker is found wherever the output is cut, and is never shown", () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.integer({ min: 0, max: 255 }),
      fc.integer({ min: 1, max: 9 }),
      (text, code, size) => {
        const marker = new ExitMarker("t1");
        const all = encode(`${text}__KSR_EXIT__:t1:${code}__`);
        let shown = "";
        let exitCode: number | undefined;
        for (let at = 0; at < all.length; at += size) {
          const step = marker.push(all.subarray(at, at + size));
          shown += [...step.output].map((b) => String.fromCharCode(b)).join("");
          exitCode = step.exitCode ?? exitCode;
        }
        strictEqual(exitCode, code);
        strictEqual(shown, [...encode(text)].map((b) => String.fromCharCode(b)).join(""));
      },
    ),
  );
});

Deno.test("what precedes the begin marker is dropped wherever the output is cut", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.integer({ min: 1, max: 9 }), (banner, text, size) => {
      const marker = new BeginMarker("t1");
      const all = encode(`${banner}__KSR_BEGIN__:t1__${text}`);
      const shown: number[] = [];
      for (let at = 0; at < all.length; at += size) shown.push(...marker.push(all.subarray(at, at + size)));
      deepStrictEqual(shown, [...encode(text)]);
    }),
  );
});

Deno.test("a console that ends before the marker is an error, with all output shown", async () => {
  const pieces: (Uint8Array | null)[] = [encode("banner __KSR_BEGIN__:t__partial __KSR_EX"), null];
  const stream = {
    read: () => Promise.resolve(pieces.shift()!),
    write: () => Promise.resolve(),
    close: () => {},
  };
  let shown = "";
  const result = readUntilExit(stream, "t", (bytes) => Promise.resolve(shown += decode(bytes)));
  await result.then(() => ok(false), (error) => match(error.message, /console ended/));
  strictEqual(shown, "partial __KSR_EX");
});

Deno.test("a shell runs the line as meant and the marker tells its exit code", () => {
  const words = ["printf", "%s|", "a b", "it's", "$HOME", "\\n"];
  const line = shellLine(words, "tok");
  const { stdout } = new Deno.Command("/bin/sh", { args: ["-c", line] }).outputSync();
  strictEqual(decode(stdout), "__KSR_BEGIN__:tok__a b|it's|$HOME|\\n|__KSR_EXIT__:tok:0__");
  ok(
    !line.includes("__KSR_EXIT__") && !line.includes("__KSR_BEGIN__"),
    "a shell that echoes the line must not show the marker",
  );
});

Deno.test("quoting survives a shell", () => {
  // NUL cannot be an argument.
  const word = fc.string().filter((s) => !s.includes("\0"));
  fc.assert(
    fc.property(word, (text) => {
      const { stdout } = new Deno.Command("/bin/sh", { args: ["-c", `printf %s ${shellQuote(text)}`] })
        .outputSync();
      strictEqual(decode(stdout), text);
    }),
    { numRuns: 25 },
  );
});

Deno.test("the last lines of a file are found from its end", async () => {
  const text = "one\ntwo\nthree\n";
  const bytes = encode(text);
  const read = (from: number, to: number) => Promise.resolve(bytes.subarray(from, to));
  strictEqual(text.slice(await tailOffset(bytes.length, 1, read)), "three\n");
  strictEqual(text.slice(await tailOffset(bytes.length, 2, read)), "two\nthree\n");
  strictEqual(text.slice(await tailOffset(bytes.length, 9, read)), text);
});

const HOST: HostFacts = {
  cpuinfo: "flags\t\t: fpu vmx sse\n",
  kvm: true,
  vhostVsock: true,
  tun: true,
  uid: 0,
  filesystems: "nodev\toverlay\n",
  modules: "",
  propagation: "shared",
  appArmor: true,
  landlock: 2,
  cgroups: [2],
};

Deno.test("a host with everything has nothing to complain about", () => {
  const findings = judgeHost(HOST);
  ok(findings.every((f) => f.verdict === "ok"));
  match(report(findings), /Everything is there/);
});

Deno.test("KVM without the CPU's flag is explained and does not stop pods", () => {
  const findings = judgeHost({ ...HOST, cpuinfo: "flags\t\t: fpu sse\n" });
  const accel = findings.find((f) => f.what === "acceleration")!;
  strictEqual(accel.verdict, "slow");
  match(accel.detail, /vmx/);
});

Deno.test("what stops pods is missing, with a way to get it", () => {
  const findings = judgeHost({ ...HOST, tun: false, uid: 1000, filesystems: "", cgroups: [] });
  const missing = findings.filter((f) => f.verdict === "missing");
  deepStrictEqual(missing.map((f) => f.what), ["user", "tap devices", "overlayfs", "cgroups"]);
  ok(missing.every((f) => f.remedy));
});

Deno.test("a module that the kernel loads by itself is not missing", () => {
  const overlay = (modules: string) =>
    judgeHost({ ...HOST, filesystems: "", modules }).find(({ what }) => what === "overlayfs")!.verdict;
  strictEqual(overlay("kernel/fs/overlayfs/overlay.ko.xz:\n"), "ok");
  strictEqual(overlay("kernel/fs/fuse/fuse.ko:\n"), "missing");
});

Deno.test("versions are read and compared by their numbers", () => {
  strictEqual(versionIn("QEMU emulator version 10.0.13 (Debian 1:10.0.13)"), "10.0.13");
  strictEqual(versionIn("runsc version 0.0~20240729.0"), "0.0~20240729.0");
  strictEqual(versionIn("runsc version release-20240807.0"), "20240807.0");
  strictEqual(versionIn("no number"), undefined);
  ok(isAtLeast("0.0~20240729.0", "0.0~20230401") && !isAtLeast("0.0~20221219.0", "0.0~20230401"));
  ok(isAtLeast("20240807.0", "0.0~20230401"));
  ok(isAtLeast("10.0", "7.2") && isAtLeast("1.10", "1.9") && isAtLeast("2.1", "2.1.0"));
  ok(!isAtLeast("1.9", "1.10") && !isAtLeast("2", "2.0.1"));
});

Deno.test("completion scripts know the commands, and are valid bash", () => {
  for (const shell of ["bash", "zsh", "fish"]) match(completionScript(shell, [list, exec]), /\bexec\b/);
  throws(() => completionScript("ksh", []), /bash, zsh and fish/);
  const { success } = new Deno.Command("/bin/bash", {
    args: ["-n", "-c", completionScript("bash", [list, exec])],
  })
    .outputSync();
  ok(success);
});

Deno.test("JSON keeps large numbers exact", () => {
  strictEqual(toJson({ a: 5n, b: 2n ** 60n }), `{\n  "a": 5,\n  "b": "1152921504606846976"\n}`);
});

Deno.test("tables and ages read well", () => {
  strictEqual(textTable(["A", "BB"], [["xxx", ""], ["y", "z"]]), "A    BB\nxxx\ny    z");
  deepStrictEqual([0, 119_000, 7_100_000, 86_400_000, 200_000_000].map(age), [
    "0s",
    "119s",
    "118m",
    "24h",
    "2d",
  ]);
});

Deno.test("a device is what one flag says, with what it needs", () => {
  const flags = (more: Record<string, string | boolean | number>) => ({ mtu: 1500, queues: 1, ...more });
  deepStrictEqual(deviceOf(flags({ disk: "/d.img", "read-only": true })), {
    $case: "disk",
    value: { hostPath: "/d.img", readOnly: true },
  });
  deepStrictEqual(deviceOf(flags({ pmem: "p.img" })), {
    $case: "pmem",
    value: { hostPath: `${Deno.cwd()}/p.img`, discardWrites: false },
  });
  const nic = deviceOf(flags({ tap: "tap1" }));
  ok(nic.$case === "nic" && /^02(:[0-9a-f]{2}){5}$/.test(nic.value.mac) && nic.value.netnsPath === "");
  const share = deviceOf(flags({ share: "/s.sock", tag: "data" }));
  ok(share.$case === "share" && share.value.tag === "data" && share.value.socketPath === "/s.sock");
  strictEqual(deviceOf(flags({ vfio: "0000:03:00.0" })).$case, "vfio");
  for (const wrong of [{}, { share: "/s.sock" }, { disk: "/d", vfio: "0000:03:00.0" }]) {
    throws(() => deviceOf(flags(wrong)), { code: "INVALID_ARGUMENT" });
  }
  const names = (script: string) => script.includes("--discard-writes") && script.includes("--vfio");
  ok(names(completionScript("bash", [attach])) && names(completionScript("zsh", [attach])));
});

const START: readonly Span[] = [
  { name: "start", beginMs: 1_000, endMs: 1_100 },
  { name: "start/<driver>", beginMs: 1_025.5, endMs: 1_100 },
];

Deno.test("the page of a timeline shows each phase, and loads and runs nothing", () => {
  const page = timelinePage("Start of a & b", START);
  for (const text of ["Start of a &amp; b", "&lt;driver&gt;", "100.0 ms", "74.5 ms"]) {
    ok(page.includes(text), text);
  }
  strictEqual(page.match(/<rect /g)!.length, START.length);
  ok(!/<driver>|<script|\bhref=|\bsrc=|url\(|@import/.test(page));
  ok(timelinePage("nothing", []).includes("0 phases in 0.0 ms"));
  ok(
    !/NaN|Infinity/.test(
      timelinePage("nothing", []) + timelinePage("at once", [{ ...START[0]!, endMs: 1_000 }]),
    ),
  );
});

Deno.test("trace events have the times of the phases in microseconds", () => {
  const { traceEvents: events } = traceEvents("a", START) as { traceEvents: Record<string, unknown>[] };
  deepStrictEqual(events.filter(({ ph }) => ph === "X").map(({ name, ts, dur }) => [name, ts, dur]), [
    ["start", 0, 100_000],
    ["<driver>", 25_500, 74_500],
  ]);
});
