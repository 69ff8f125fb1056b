import { deepStrictEqual, rejects } from "node:assert/strict";
import { hideArguments } from "./hidden_arguments.ts";
import { argumentsLibrary } from "./hidden_arguments.ts";

Deno.test("values of variables are not on the command line, wherever they stand", () => {
  const { args, env } = hideArguments(["/engine", "--dir=/", "--env=A=1\n=2", "--env=B=", "m", "--env=C=x"]);
  deepStrictEqual(args, ["/engine", "--dir=/", "--env=A=...", "--env=B=", "m", "--env=C=..."]);
  deepStrictEqual(env, [
    "LD_PRELOAD=/arguments.so",
    "KUASAR_ARGUMENT_2=--env=A=1\n=2",
    "KUASAR_ARGUMENT_5=--env=C=x",
  ]);
});

Deno.test("an engine that could not hide them is refused, and so is an agent that cannot help", async () => {
  for (const loader of [undefined, "/lib/ld-musl-x86_64.so.1"]) {
    await rejects(argumentsLibrary("/bin/true", "/engine", loader), { code: "FAILED_PRECONDITION" });
  }
  const loader = "/lib64/ld-linux-x86-64.so.2";
  for (const agent of ["/bin/true", "/no/agent"]) {
    await rejects(argumentsLibrary(agent, "/engine", loader), { code: "FAILED_PRECONDITION" });
  }
});
