import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { mount, UMOUNT, unmount } from "../../lib/libc/mod.ts";
import { findFiles } from "./find_files.ts";
import { e2eOurs, useNode } from "./fixture.ts";

/** Of the run directory; what runs on a node leaves the most of it free. */
const DISK_MIB = 48;

const runDir = `/run/kd${Deno.pid % 10_000}`;

/** A node whose run directory is small. containerd's own files lie on another disk: it is not what is tested. */
const node = useNode(() => {
  const disks = [runDir, `${runDir}/containerd`];
  for (const disk of disks) {
    Deno.mkdirSync(disk, { recursive: true });
    const data = disk === runDir ? `size=${DISK_MIB}m` : "";
    mount({ source: "tmpfs", target: disk, type: "tmpfs", data });
  }
  const onStopped = () => disks.reverse().forEach((disk) => unmount(disk, UMOUNT.DETACH));
  return Promise.resolve({ runDir, onStopped });
});

const FILLER = `${runDir}/filler`;

async function fillDisk(): Promise<void> {
  await rejects(Deno.writeFile(FILLER, new Uint8Array(2 * DISK_MIB << 20)), /No space left/);
}

/** Takes what somebody has given back meanwhile, as a container would that writes on. */
async function fillAgain(): Promise<void> {
  using file = await Deno.open(FILLER, { append: true });
  await rejects(async () => {
    for (;;) await file.write(new Uint8Array(4096));
  }, /No space left/);
}

e2eOurs(
  "on a full run directory containers run on and are exec'ed into, measured, stopped and removed",
  node,
  async (node) => {
    const image = await node.image("busybox");
    const command = ["sh", "-c", "trap 'exit 3' TERM; while :; do sleep 1; done"];
    const pod = await node.runPod({ name: "full" });
    const kept = await pod.run({ name: "kept", image, command });
    const stopped = await pod.run({ name: "stopped", image, command });
    const created = await pod.create({ name: "created", image, command });
    const other = await node.runPod({ name: "full-other" });
    await other.run({ name: "c", image, command });
    strictEqual((await kept.shell("echo before")).stdout, "before\n");
    await fillDisk();
    for (let round = 0; round < 20; round++) {
      strictEqual((await kept.shell(`echo round ${round}`)).stdout, `round ${round}\n`);
      await kept.stats();
      await fillAgain();
    }
    // Too long to be noted anywhere: whether it works or not, it ends no container.
    await kept.exec(["true", "x".repeat(100_000)]).catch(() => {});
    await kept.exec(["/does/not/exist"]).catch(() => {});
    await fillAgain();
    ok(await kept.isRunning());
    // What is new may find room or not; it neither hangs nor leaves anything.
    await created.start().catch(() => {});
    await node.runPod({ name: "full-new" }).then((fresh) => fresh.remove(), () => {});
    await pod.create({ name: "late", image, command }).then((late) => late.start()).catch(() => {});
    await fillAgain();
    await stopped.stop(30);
    strictEqual((await stopped.status()).exitCode, 3);
    await stopped.remove();
    await other.remove();
    await fillAgain();
    ok(await kept.isRunning());
    deepStrictEqual(findFiles(runDir, /\.new$/), []);
    strictEqual((await kept.shell("echo still")).stdout, "still\n");
    await Deno.remove(FILLER);
    strictEqual((await kept.shell("echo after")).stdout, "after\n");
    const next = await node.runPod({ name: "full-next" });
    await next.run({ name: "c", image, command });
    await next.remove();
    await pod.remove();
    deepStrictEqual(findFiles(runDir, /\.new$/), []);
  },
);
