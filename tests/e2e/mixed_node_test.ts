/** Pods of every kind at once under one sandboxer, each beside the others and none in their way. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { DRIVERS } from "../../deploy/drivers.ts";
import { WASM } from "../../image/wasm/images.ts";
import { buildDir } from "../../lib/build/mod.ts";
import type { Node, Pod } from "../harness/mod.ts";
import { e2e, imageArchive, programsFor, useNode } from "./fixture.ts";
import { killAndWait } from "./kill_and_wait.ts";

/** Quark by its stand-in where need be; one for another hypervisor would be QEMU once more. */
const KINDS = ["qemu", "runc", "wasm", "gvisor", "quark"].filter((name) =>
  DRIVERS.some((driver) => driver.name === name)
);

const node = useNode(async () => ({
  handler: "kuasar-runc",
  drivers: KINDS,
  programs: await programsFor("kuasar-quark"),
  images: [imageArchive("busybox"), `${buildDir}/images/wasm.tar`],
}));

// Connections that are opened once, by the first pod of a kind, are open before anything is counted.
Deno.test.beforeAll(async () => {
  for (const kind of KINDS) {
    const pod = await node().runPod({ name: `warm-up-${kind}`, handler: `kuasar-${kind}` });
    await pod.remove();
  }
});

/** A pod of a kind with a server on a port of its own, and what it answers. */
async function servingPod(node: Node, kind: string): Promise<{ pod: Pod; url: string; answer: string }> {
  const pod = await node.runPod({ name: `mixed-${kind}`, handler: `kuasar-${kind}` }, 120_000);
  const url = `http://${await pod.ip()}:8080/`;
  if (kind === "wasm") {
    const server = await pod.run({ name: "server", image: WASM, command: ["/http.wasm"] });
    await server.waitForLog("listening");
    return { pod, url, answer: "hello from Wasm\n" };
  }
  const serve = `echo "hello from ${kind}" > /tmp/index.html; echo listening; exec httpd -f -p 8080 -h /tmp`;
  const server = await pod.run({
    name: "server",
    image: await node.image("busybox"),
    command: ["sh", "-c", serve],
  });
  await server.waitForLog("listening");
  return { pod, url, answer: `hello from ${kind}\n` };
}

/** What a server answers, which may need a moment until it listens. */
async function fetchText(url: string): Promise<string> {
  for (let attempt = 1;; attempt++) {
    try {
      const response = await fetch(url, {
        headers: { connection: "close" },
        signal: AbortSignal.timeout(5_000),
      });
      return await response.text();
    } catch (error) {
      if (attempt === 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

e2e(`pods of ${KINDS.join(", ")} live side by side`, node, async (node) => {
  const pods = await Promise.all(KINDS.map((kind) => servingPod(node, kind)));
  const ask = async () => await Promise.all(pods.map(({ url }) => fetchText(url)));
  const answers = pods.map(({ answer }) => answer);
  deepStrictEqual(await ask(), answers, "from the host");
  // One pod reaches the others over the pod network.
  const client = await pods[0]!.pod.run({
    name: "client",
    image: await node.image("busybox"),
    command: ["sleep", "1000"],
  });
  for (const { url, answer } of pods.slice(1)) {
    strictEqual((await client.exec(["wget", "-q", "-T", "20", "-O", "-", url])).stdout, answer);
  }
  // The death of one driver, or of what all share, is nothing to any of them.
  for (const service of node.services) await killAndWait(node, service);
  deepStrictEqual(await ask(), answers, "after every service has died");
  // Any of them can go without the others.
  for (const { pod } of pods.splice(0, 2)) await pod.remove();
  deepStrictEqual(await ask(), answers.slice(2), "after two are gone");
  await Promise.all(pods.map(({ pod }) => pod.remove()));
});
