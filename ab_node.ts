const wt = Deno.args[0]!;
const { startTestNode, warmUp } = await import(`${wt}/tests/e2e/fixture.ts`);
const node = await startTestNode({});
await warmUp(node);
console.log("ready");
const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
for await (const line of lines) {
  if (!line.includes("go")) break;
  const t = performance.now();
  const pod = await node.runPod({ name: `ab${Math.random().toString(36).slice(2)}` });
  const ms = performance.now() - t;
  await pod.remove();
  console.log(ms.toFixed(1));
}
await node.stop();
Deno.exit(0);
