/** Lines and small texts that come from a guest, a container, containerd or the kernel. */
import { logTargetOf } from "../../../guest/host/log_uri.ts";
import { exitOfWaitOutput, parseAnswer, UnknownCall } from "../../../guest/host/runsc/answer.ts";
import { usageIn } from "../../../guest/host/runsc/metrics.ts";
import { checkStreamName } from "../../../guest/host/streaming/stream_name.ts";
import { parseKernelParameters, splitCommandLine } from "../../../guest/init/kernel_parameters.ts";
import { parseHeader } from "../../../guest/stream/header.ts";
import { parseImageRecord } from "../../../guest/task/criu/image_record.ts";
import { parseBlkio, parseFlat, readMetrics } from "../../../lib/cgroup_metrics/mod.ts";
import { KuasarError } from "../../../lib/errors/mod.ts";
import { followedIn } from "../../../lib/gvisor/mod.ts";
import { parseSecretLine, secretLine } from "../../../lib/vsock/mod.ts";
import { orRefusal } from "../refusals.ts";
import { must, ofText, type Target, texts } from "../target.ts";

const SECRET = "a1".repeat(32);

/** What a header names stays one path component, so that it can leave no directory. */
function checkHeader(line: string): void {
  const header = orRefusal(() => parseHeader(line), ["INVALID_ARGUMENT"]);
  if (!header || "port" in header) return;
  const ids = "volume" in header ? [header.container, `${header.volume}`] : [header.container, header.exec];
  must(!ids.some((id) => /[/\0\n]|^\./.test(id)), "an id is more than a name");
}

function checkLogUri(uri: string): void {
  const target = orRefusal(() => logTargetOf(uri), ["INVALID_ARGUMENT"]);
  if (!target || (target.kind === "fifo" && target.path === uri)) return;
  const path = target.kind === "program" ? target.argv[0]! : target.path;
  must(path.startsWith("/") && !path.startsWith("//"), `${JSON.stringify(path)} is no path of this host`);
}

function checkKernelParameters(line: string): void {
  const { secretPort, debugShell, problems } = parseKernelParameters(line);
  must(secretPort >= 0 && secretPort < 1e9, "a port that is none");
  must(debugShell === "" || debugShell.startsWith("/"), "a shell without a path");
  must(problems.length <= splitCommandLine(line).length, "more problems than words");
}

function checkRunsc(text: string): void {
  let result: unknown;
  try {
    result = parseAnswer(text)?.result;
  } catch (error) {
    if (!(error instanceof KuasarError || error instanceof UnknownCall)) throw error;
  }
  orRefusal(() => usageIn(result), ["INTERNAL"]);
  const exit = orRefusal(() => exitOfWaitOutput(text), ["INTERNAL"]);
  must(exit === undefined || (exit >= 0 && exit <= 255), `the exit code ${exit}`);
}

function checkCgroupFiles(text: string): void {
  parseFlat(text);
  parseBlkio(text);
  const { memory, pids } = readMetrics(() => text);
  must((memory?.usage ?? 0n) >= 0n && (pids?.current ?? 0n) >= 0n, "a negative number");
}

export const LINE_TARGETS: readonly Target[] = [
  {
    name: "stream-header",
    samples: texts("STREAM c1 - stdout", "STREAM c1 e-1 stdin", "FORWARD 8080"),
    words: ["../", "-", "\0", "STREAM ", "FORWARD ", "65535", "stderr"],
    check: ofText(checkHeader),
  },
  {
    name: "stream-name",
    samples: texts("a1b2-stdin", "sandbox-1"),
    words: ["../", "\0"],
    check: ofText((name) => {
      const checked = orRefusal(() => checkStreamName(name), ["INVALID_ARGUMENT"]);
      must(checked === undefined || !/[/\0]/.test(checked), "a stream's name is a path");
    }),
  },
  {
    name: "log-uri",
    samples: texts("/run/fifo/stdout", "file:///var/log/a%20b", "binary:///usr/bin/log?a=b&c", "fifo:/x"),
    words: ["%2e%2e/", "%00", "//", "binary:", "?", "&"],
    check: ofText(checkLogUri),
  },
  {
    name: "kernel-parameters",
    samples: texts('quiet task.debug task.log_level=info sysctl.kernel.x=1 task.secret_port=1023 a="b c"'),
    words: ["task.", "task.debug_shell=/", '"', "=", "sysctl."],
    check: ofText(checkKernelParameters),
  },
  {
    name: "secret-line",
    samples: texts(secretLine(SECRET)),
    words: ["SECRET "],
    check: ofText((line) => {
      const secret = parseSecretLine(line);
      must(secret === undefined || secretLine(secret) === line, "two lines with one secret");
    }),
  },
  {
    name: "runsc-answers",
    samples: texts(
      '{"success":true,"result":{"event":{"data":{"memory":{"usage":{"usage":5}}}},"containerUsage":{"c":7}}}',
      '{"success":false,"err":"no such process"}',
      '{"id":"c1","exitStatus":5}',
    ),
    words: ["null", "{}", "[]", "1e400", '"result":', "-1", '"containerUsage":null'],
    check: ofText(checkRunsc),
  },
  {
    name: "checkpoint-record",
    samples: texts('{"keys":[["file[1:2f]"],[],[]],"options":{"openTcp":true}}'),
    words: ["null", "[]", '"file[ffffffff:0]"', "{}", "true"],
    check: ofText((text) => void orRefusal(() => parseImageRecord(text), ["INVALID_ARGUMENT"])),
  },
  {
    name: "cgroup-files",
    samples: texts(
      "usage_usec 5\nuser_usec 7\n",
      "8:0 rbytes=1 wbytes=2\n",
      "8:0 Read 4096\nTotal 4096\n",
      "max\n",
    ),
    words: ["max", "-1", "18446744073709551616", "8:0 ", "="],
    check: ofText(checkCgroupFiles),
  },
  {
    name: "followed-limits",
    samples: texts("memory:4096 cpu"),
    words: ["memory:", "99999999999999999999"],
    check: ofText((text) => must((followedIn(text).overheadBytes ?? 0n) >= 0n, "a negative number")),
  },
];
