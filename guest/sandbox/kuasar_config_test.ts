import assert from "node:assert/strict";
import { readKuasarConfig } from "./kuasar_config.ts";

const config = (text: string) => ({ typeUrl: "PodSandboxConfig", value: new TextEncoder().encode(text) });

Deno.test("sysctls and the PID namespace are read", () => {
  const json = {
    linux: {
      sysctls: { "net.core.somaxconn": "99" },
      security_context: { namespace_options: { pid: 0, network: 0 } },
    },
  };
  assert.deepEqual(readKuasarConfig(config(JSON.stringify(json))), {
    sysctls: { "net.core.somaxconn": "99" },
    sharePid: true,
  });
});

Deno.test("a container's own PID namespace is the default", () => {
  assert.equal(readKuasarConfig(undefined).sharePid, false);
  assert.equal(readKuasarConfig(config("{}")).sharePid, false);
  const json = { linux: { security_context: { namespace_options: { pid: 1 } } } };
  assert.equal(readKuasarConfig(config(JSON.stringify(json))).sharePid, false);
});

Deno.test("members of the wrong type are passed over", () => {
  const json = { linux: { sysctls: { a: 1, b: "2" }, security_context: [] } };
  assert.deepEqual(readKuasarConfig(config(JSON.stringify(json))), { sysctls: { b: "2" }, sharePid: false });
});

Deno.test("what is not a JSON object is refused", () => {
  for (const text of ["{", "[]", "7", "null"]) {
    assert.throws(() => readKuasarConfig(config(text)), { code: "INVALID_ARGUMENT" });
  }
});
