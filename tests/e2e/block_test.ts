/**
 * Containers whose files reach the guest as disks: with the driver under test where its pods are VMs, which is told not to
 * share where it can.
 */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { driverDeployment, driverOfHandler } from "../../deploy/drivers.ts";
import { driverService } from "../../deploy/supervisor/mod.ts";
import type { NodeOptions } from "../harness/mod.ts";
import { killAndWait } from "./kill_and_wait.ts";
import { e2eOurs, handlerUnderTest, programsFor, useNode } from "./fixture.ts";

const UNDER_TEST = driverOfHandler(handlerUnderTest());

/** The driver under test where its pods are VMs, else QEMU's. */
const DEPLOYMENT = UNDER_TEST?.vm ? UNDER_TEST : driverDeployment("qemu");

const SHARES_NOTHING = DEPLOYMENT.sharesNothing === true;

/** The driver's process. */
const DRIVER = driverService(DEPLOYMENT.name);

/** The generated configuration of the driver, without a share. */
async function withoutShare(): Promise<NodeOptions> {
  if (SHARES_NOTHING) return {};
  const [handler] = DEPLOYMENT.handlers;
  const { tools, agent, kernel, bzImage, initrd, image } = await programsFor(handler);
  const context = { tools: { ...tools }, agent, kernel, bzImage, initrd, image, memoryMib: 256 };
  const text = DEPLOYMENT.configuration(context);
  const config = await Deno.makeTempFile({ prefix: "block-", suffix: ".toml" });
  await Deno.writeTextFile(config, `${text}share_fs = "block"\n`);
  Deno.test.afterAll(() => Deno.remove(config));
  return { handler, configs: { [DRIVER]: config } };
}

const node = useNode(await withoutShare());

e2eOurs(
  "a pod without a share runs containers from disks, with volumes, and leaves none",
  node,
  async (node) => {
    const image = await node.image("busybox");
    const volumes = `${node.runDir}/volumes`;
    const emptyDir = `${volumes}/pods/p/volumes/kubernetes.io~empty-dir/cache`;
    await Deno.mkdir(`${volumes}/config`, { recursive: true });
    await Deno.mkdir(emptyDir, { recursive: true });
    await Deno.writeTextFile(`${volumes}/config/key`, "value");
    const mounts = [
      { containerPath: "/config", hostPath: `${volumes}/config`, readonly: true },
      { containerPath: "/cache", hostPath: emptyDir },
    ];
    const pod = await node.runPod({ name: "disks" });
    const first = await pod.run({ name: "first", image, command: ["sleep", "1000"], mounts });
    const second = await pod.run({ name: "second", image, command: ["sleep", "1000"], mounts });
    const shell = async (container: typeof first, command: string) => {
      const { stdout, stderr, exitCode } = await container.shell(command);
      strictEqual(exitCode, 0, stderr);
      return stdout;
    };
    match(await shell(first, "grep ' / ' /proc/mounts"), /^overlay /);
    strictEqual(await shell(first, "cat /config/key"), "value");
    await shell(first, "echo mine > /etc/written && rm /bin/wget && echo ours > /cache/file");
    // One disk for both, and nothing that one writes is the other's.
    await shell(second, "test ! -e /etc/written && test -e /bin/wget");
    strictEqual(await shell(second, "cat /cache/file"), "ours\n");
    ok((await first.shell("echo x > /config/key")).exitCode !== 0);
    await Deno.writeTextFile(`${volumes}/config/key`, "changed");
    strictEqual(await shell(first, "cat /config/key"), "value");
    const layers = () => [...Deno.readDirSync(`${node.runDir}/storage/.images/layers`)].length;
    strictEqual(layers(), 1);
    await first.stop(0);
    await first.remove();
    // The disks are free again: another container of the image starts from the same one.
    const third = await pod.run({ name: "third", image, command: ["sleep", "1000"], mounts });
    strictEqual(await shell(third, "cat /config/key"), "changed");
    strictEqual(layers(), 1);
    await pod.remove();
    deepStrictEqual([...Deno.readDirSync(`${node.runDir}/storage/.images/sandboxes`)], []);
    await Deno.remove(volumes, { recursive: true });
  },
);

e2eOurs(
  "what a container writes into a part of an emptyDir and as its last words stays",
  node,
  async (node) => {
    const image = await node.image("busybox");
    const home = `${node.runDir}/kubelet/pods/p`;
    const emptyDir = `${home}/volumes/kubernetes.io~empty-dir/cache`;
    const words = `${home}/containers/first/0a1b2c3d`;
    await Deno.mkdir(`${emptyDir}/part`, { recursive: true });
    await Deno.mkdir(`${home}/containers/first`, { recursive: true });
    await Deno.writeTextFile(words, "of an earlier one, which were longer");
    const pod = await node.runPod({ name: "words" });
    const first = await pod.run({
      name: "first",
      image,
      command: ["sh", "-c", "echo mine > /part/file && echo last words > /dev/termination-log; exit 3"],
      mounts: [
        { containerPath: "/part", hostPath: `${emptyDir}/part` },
        { containerPath: "/dev/termination-log", hostPath: words },
      ],
    });
    strictEqual((await first.waitForExit()).exitCode, 3);
    strictEqual(await Deno.readTextFile(words), "last words\n");
    const second = await pod.run({
      name: "second",
      image,
      command: ["sleep", "1000"],
      mounts: [{ containerPath: "/cache", hostPath: emptyDir }],
    });
    strictEqual((await second.shell("cat /cache/part/file")).stdout, "mine\n");
    await pod.remove();
    await Deno.remove(`${node.runDir}/kubelet`, { recursive: true });
  },
);

e2eOurs("containers on disks outlive the services that have made them", node, async (node) => {
  const image = await node.image("busybox");
  const pod = await node.runPod({ name: "outlive" });
  const first = await pod.run({ name: "first", image, command: ["sleep", "1000"] });
  await first.shell("echo here > /kept");
  for (const service of ["storage", DRIVER, "sandboxer"]) await killAndWait(node, service);
  strictEqual((await first.shell("cat /kept")).stdout, "here\n");
  const second = await pod.run({ name: "second", image, command: ["sleep", "1000"] });
  strictEqual((await second.shell("ls /kept")).exitCode, 1);
  await first.stop(0);
  await first.remove();
  await pod.remove();
  deepStrictEqual([...Deno.readDirSync(`${node.runDir}/storage/.images/sandboxes`)], []);
});

e2eOurs("what no guest can have a copy of is refused by its name", node, async (node) => {
  const pod = await node.runPod({ name: "refused" });
  const socket = `${node.runDir}/sandboxer.sock`;
  const mounts = [{ containerPath: "/s", hostPath: socket }];
  const image = await node.image("busybox");
  await rejects(pod.run({ name: "c", image, command: ["true"], mounts }), /a socket works on its own host/);
  const written = `${node.runDir}/written`;
  await Deno.mkdir(written);
  const data = [{ containerPath: "/d", hostPath: written }];
  await rejects(pod.run({ name: "d", image, command: ["true"], mounts: data }), /would be lost/);
  await Deno.remove(written);
  await pod.remove();
});
