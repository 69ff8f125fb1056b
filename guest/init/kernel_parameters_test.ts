import assert from "node:assert/strict";
import fc from "fast-check";
import { parseKernelParameters, splitCommandLine } from "./kernel_parameters.ts";

Deno.test("the defaults are Kuasar's", () => {
  assert.deepEqual(parseKernelParameters("console=ttyS0 quiet"), {
    shareType: "9p",
    logLevel: "info",
    debug: false,
    debugShell: "",
    tracing: false,
    powerOffByReset: false,
    secretPort: 0,
    containerVsock: false,
    sysctls: new Set(),
    problems: [],
  });
});

Deno.test("every parameter is read", () => {
  const line =
    "task.sharefs_type=virtiofs task.log_level=DEBUG task.debug task.debug_shell=/bin/ash task.enable_tracing=true task.power_off=reset task.secret_port=1023 task.container_vsock sysctl.kernel.io_uring_disabled=0\n";
  assert.deepEqual(parseKernelParameters(line), {
    shareType: "virtiofs",
    logLevel: "debug",
    debug: true,
    debugShell: "/bin/ash",
    tracing: true,
    powerOffByReset: true,
    secretPort: 1023,
    containerVsock: true,
    sysctls: new Set(["kernel/io_uring_disabled"]),
    problems: [],
  });
});

Deno.test("flags are bare words, true or false", () => {
  assert.equal(parseKernelParameters("task.debug=1").debug, true);
  assert.equal(parseKernelParameters("task.debug=false").debug, false);
});

Deno.test("what is unknown or wrong is reported and changes nothing", () => {
  const line =
    "task.sharefs_type=nfs task.log_level=loud task.debug=maybe task.debug_shell=sh task.colour=red task.secret_port=0 task.secret_port=x";
  const parameters = parseKernelParameters(line);
  assert.deepEqual(parameters.problems, line.split(" "));
  assert.deepEqual({ ...parameters, problems: [] }, parseKernelParameters(""));
});

Deno.test("quotes keep words together", () => {
  assert.deepEqual(splitCommandLine('a="b c" d  "e f"=g'), ["a=b c", "d", "e f=g"]);
});

Deno.test("no command line makes the parser fail", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (line) => {
    parseKernelParameters(line);
    parseKernelParameters(`task.${line}`);
  }));
});
