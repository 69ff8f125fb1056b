import { match, ok, rejects, strictEqual } from "node:assert/strict";
import { Fixture } from "./testing/fixture.ts";
import { failing } from "./testing/world.ts";

/** The value of a series; undefined where there is none. */
function sample(text: string, series: string): number | undefined {
  const line = text.split("\n").find((line) => line.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

Deno.test("starts, phases, deaths and states are counted by driver", async () => {
  await Fixture.run(async (fixture) => {
    const { world } = fixture;
    await fixture.runPod("s1");
    await fixture.runPod("s2");
    world.faults.set("driver/start", failing("RESOURCE_EXHAUSTED"));
    await fixture.create("s3");
    await rejects(fixture.start("s3"));
    world.crash("s2");
    await fixture.until("s2", "stopped");
    const { text } = await fixture.admin.metrics({});
    const is = (series: string, value: number) => strictEqual(sample(text, series), value, text);
    is('kuasar_sandbox_starts_total{driver="qemu",result="ok"}', 2);
    is('kuasar_sandbox_starts_total{driver="qemu",result="RESOURCE_EXHAUSTED"}', 1);
    is('kuasar_sandbox_deaths_total{driver="qemu"}', 1);
    is('kuasar_sandboxes{driver="qemu",state="ready"}', 1);
    is('kuasar_sandboxes{driver="qemu",state="stopped"}', 1);
    is('kuasar_sandbox_phase_seconds_count{driver="qemu",phase="start"}', 3);
    is('kuasar_sandbox_phase_seconds_count{driver="qemu",phase="start/driver/boot"}', 2);
    is('kuasar_leftovers{driver="qemu"}', 0);
    ok(sample(text, "process_resident_memory_bytes")! > 1e6);
    await fixture.stop("s1");
    const later = (await fixture.admin.metrics({})).text;
    strictEqual(sample(later, 'kuasar_sandbox_phase_seconds_count{driver="qemu",phase="stop"}'), 1);
  });
});

Deno.test("the metrics are served over HTTP where that is configured", async () => {
  // The kernel chooses a port that is free; another may take it meanwhile, which the test would tell.
  const probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = probe.addr as Deno.NetAddr;
  probe.close();
  const url = `http://127.0.0.1:${port}`;
  await Fixture.run(async () => {
    const answer = await fetch(`${url}/metrics`);
    strictEqual(answer.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    match(await answer.text(), /^kuasar_build_info\{version="\d+\.\d+\.\d+"\} 1$/m);
    for (const [path, method, status] of [["/", "GET", 404], ["/metrics", "POST", 405]] as const) {
      const other = await fetch(url + path, { method });
      strictEqual(other.status, status);
      await other.body?.cancel();
    }
  }, { metrics: { address: `127.0.0.1:${port}` } });
});
