/** Who may speak to the agent of a guest: its host, and where a secret is wanted, who knows it. In VMs of their own. */
import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { GuestDefinition } from "../../lib/proto/gen/kuasar/guest/v1/guest.ts";
import { connectGuest, GUEST_PORT } from "../../lib/transport/mod.ts";
import { createClient, TtrpcClient } from "../../lib/ttrpc/mod.ts";
import { staticProgram } from "../harness/static_program.ts";
import { type GuestChoices, TestGuest } from "./vm.ts";

const TIMEOUT_MS = 120_000;
const SECRET = "c0ffee00".repeat(8);
/** All that the agent and drivers use, and their neighbours. */
const PORTS = Array.from({ length: 10 }, (_, i) => String(1020 + i));
/** vhost-device-vsock's guest. */
const OWN_CID = "3";

async function withGuest(choices: GuestChoices, test: (guest: TestGuest) => Promise<void>): Promise<void> {
  const guest = await TestGuest.start(choices);
  try {
    await test(guest);
  } catch (error) {
    console.error((await guest.console()).join("\n"));
    throw error;
  } finally {
    await guest.stop();
  }
}

/** What the probe says in a container, line by line. */
async function probe(guest: TestGuest): Promise<string[]> {
  const program = await staticProgram("vsock_probe");
  const args = ["vsock_probe", OWN_CID, ...PORTS];
  const bundle = await guest.bundle("probe", { args, programs: [program] });
  const stdio = { terminal: false, stdin: "", stdout: "x", stderr: "" };
  await guest.task.create({
    ...{ id: "probe", bundle, rootfs: [], checkpoint: "", parentCheckpoint: "", options: undefined },
    ...stdio,
  });
  const output = await guest.stream("probe", "", "stdout");
  await guest.task.start({ id: "probe", execId: "" });
  let text = "";
  for (let bytes = await output.read(); bytes; bytes = await output.read()) {
    text += new TextDecoder().decode(bytes);
  }
  output.close();
  strictEqual((await guest.task.wait({ id: "probe", execId: "" })).exitStatus, 0);
  await guest.task.delete({ id: "probe", execId: "" });
  const lines = text.trim().split("\n");
  strictEqual(lines.length, 3 * PORTS.length);
  return lines;
}

Deno.test("a container without any seccomp profile makes no vsock socket", async () => {
  await withGuest({}, async (guest) => {
    const results = new Set((await probe(guest)).map((line) => line.split(" ")[1]));
    deepStrictEqual([...results], ["EAFNOSUPPORT"]);
  });
});

Deno.test("a container with vsock finds every port closed, and the agent listens to whoever knows the secret", async () => {
  const kernelParams = ["task.container_vsock", "task.debug", "sysctl.kernel.io_uring_disabled=0"];
  await withGuest({ secret: SECRET, kernelParams }, async (guest) => {
    const open = (await probe(guest)).filter((line) => line.endsWith(" OPEN"));
    deepStrictEqual(open, []);
    const { refusedPeers } = await guest.guest.info({});
    for (const port of Object.values(GUEST_PORT).filter((port) => port !== GUEST_PORT.readiness)) {
      for (const secret of ["0".repeat(64), ""]) {
        const stream = await connectGuest({ ...guest.endpoint, secret }, port, { timeoutMs: TIMEOUT_MS });
        // Longer than a secret line, so that it is judged at once.
        await stream.write(new Uint8Array(100)).catch(() => {});
        strictEqual(await stream.read().catch(() => null), null);
        stream.close();
      }
    }
    strictEqual((await guest.guest.info({})).refusedPeers - refusedPeers, 6n);
    // What the host has chosen stays.
    strictEqual(await guest.run("cat /proc/sys/kernel/io_uring_disabled"), "0\n");
    match((await guest.console()).join("\n"), /a peer that is not the host was closed/);
    const stream = await connectGuest(guest.endpoint, GUEST_PORT.services, { timeoutMs: TIMEOUT_MS });
    const client = new TtrpcClient(stream);
    strictEqual((await createClient(GuestDefinition, client, { timeoutMs: TIMEOUT_MS }).info({})).cpus, 1);
    client.close();
    await rejects(guest.stream("nobody", "", "stdin"), /there is none/);
  });
});
