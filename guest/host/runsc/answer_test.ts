import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { codeOf } from "../../task/runtime_reason.ts";
import { exitOfWaitOutput, exitOfWaitStatus, parseAnswer, UnknownCall } from "./answer.ts";

Deno.test("an answer is read when it is whole", () => {
  const text = '{"success":true,"err":"","result":{"a":[1,"}"]}}';
  for (let length = 0; length < text.length; length++) {
    strictEqual(parseAnswer(text.slice(0, length)), undefined);
  }
  deepStrictEqual(parseAnswer(text), { result: { a: [1, "}"] } });
});

Deno.test("a refusal is told with its reason and a code", () => {
  const refuse = (err: unknown) => () => parseAnswer(JSON.stringify({ success: false, err, result: null }));
  throws(refuse("unknown method"), UnknownCall);
  throws(refuse('container "c4" not found'), { code: "NOT_FOUND" });
  throws(refuse("waiting for PID 5: no such process"), { code: "NOT_FOUND" });
  throws(refuse('container "c4" not started'), { code: "INTERNAL", message: /not started/ });
  throws(refuse(7), { code: "INTERNAL" });
  throws(() => parseAnswer("7"), { code: "INTERNAL" });
  strictEqual(codeOf("loading container: file does not exist"), "NOT_FOUND");
  strictEqual(codeOf('exec: "x": executable file not found in $PATH'), "INTERNAL", "the container is there");
});

Deno.test("wait statuses and what `wait` prints are exit codes", () => {
  deepStrictEqual([0, 1280, 9, 15, 134].map(exitOfWaitStatus), [0, 5, 137, 143, 134]);
  strictEqual(exitOfWaitOutput('{"id":"c1","exitStatus":5}\n'), 5);
  for (const none of ["", "connection refused", '{"exitStatus":"5"}']) {
    throws(() => exitOfWaitOutput(none), { code: "INTERNAL" });
  }
  for (const none of ["x", undefined, null, 1.5, {}]) {
    throws(() => exitOfWaitStatus(none), { code: "INTERNAL" });
  }
  fc.assert(fc.property(fc.integer(), (status) => {
    const exit = exitOfWaitStatus(status);
    return exit >= 0 && exit <= 255;
  }));
});
