import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { buildDir } from "../../lib/build/mod.ts";
import { driverOfHandler } from "../../deploy/drivers.ts";
import type { HostTools } from "../../deploy/host/mod.ts";
import { type NodePrograms, nodePrograms } from "../../deploy/programs.ts";
import { CORE_SERVICES, driverService } from "../../deploy/supervisor/mod.ts";
import { asKuasarError } from "../../lib/errors/mod.ts";
import { Node, type NodeOptions, PAUSE_REF, pauseImage, type Pod } from "../harness/mod.ts";
import { programUnderTest } from "../standins/mod.ts";

/**
 * The handler that the tests ask for. `runc` runs them against containerd's own way: what fails there is wrong in the
 * test. Unset, the tests run our QEMU driver.
 */
export function handlerUnderTest(): string {
  return Deno.env.get("KUASAR_E2E_HANDLER") ?? "kuasar-qemu";
}

/** Our Deno services behind that handler, each of which may be killed at any time; none where it is not ours. */
export const services: readonly string[] = servicesOf(handlerUnderTest());

function servicesOf(handler: string): string[] {
  const driver = driverOfHandler(handler);
  return driver ? [...CORE_SERVICES, driverService(driver.name)] : [];
}

/** True where containerd's own runc is tested instead of us. */
export const comparing = handlerUnderTest() === "runc";

/** True where the pods under test have kernels of their own. */
export const underVm = driverOfHandler(handlerUnderTest())?.vm ?? false;

/**
 * Checks whose kernel a pod shows (`uname -r`). Not asked of Quark: its stand-in's is the host's, the program's own is not.
 */
export function checkKernel(release: string): void {
  const own = underVm || driver === "gvisor";
  if (driver !== "quark") strictEqual(release !== Deno.osRelease(), own, `the pod's kernel is ${release}`);
}

/** The driver under test, where it is one of ours. */
export const driver = driverOfHandler(handlerUnderTest())?.name;

/** True where a pod is one process of the host, with which it ends: a VMM, gVisor's kernel, Quark. */
const oneProcess = underVm || driver === "gvisor" || driver === "quark";

/** True where memory is limited for a pod as a whole, which ends when it has too little. */
export const limitsEndPods = driver === "gvisor" || driver === "quark";

/** The archive of an image of the set-up, `busybox` or `nginx`. */
export function imageArchive(name: "busybox" | "nginx"): string {
  return `${buildDir}/images/${name}.tar`;
}

/** Writes an archive of one's own and imports it. */
export async function importArchive(node: Node, bytes: Uint8Array): Promise<void> {
  const path = `${node.runDir}/import.tar`;
  await Deno.writeFile(path, bytes);
  try {
    await node.importImage(path);
  } finally {
    await Deno.remove(path);
  }
}

/** The OCI runtime that the tests ask for, the path of a program; unset it is crun. Its key in the deployment's tools is crun's. */
function ociRuntimeUnderTest(): { tools: Partial<HostTools> } | undefined {
  const path = Deno.env.get("KUASAR_E2E_OCI_RUNTIME");
  return path === undefined ? undefined : { tools: { crun: path } };
}

/** The name of the OCI runtime that the tests ask for; empty for the default one. */
export const ociRuntime = Deno.env.get("KUASAR_E2E_OCI_RUNTIME")?.split("/").at(-1) ?? "";

/** The programs of a node, with a stand-in where the driver's own program cannot run here. */
export async function programsFor(handler: string): Promise<NodePrograms> {
  const programs = nodePrograms();
  const name = driverOfHandler(handler)?.name ?? "";
  const under = name === "runc" ? ociRuntimeUnderTest() : await programUnderTest(name);
  return under ? { ...programs, tools: { ...programs.tools, ...under.tools } } : programs;
}

/** Starts a node for tests, with the image busybox, and the pause image where one is named. */
export async function startTestNode(options: NodeOptions = {}): Promise<Node> {
  const node = await Node.start({
    handler: handlerUnderTest(),
    programs: await programsFor(handlerUnderTest()),
    images: [imageArchive("busybox")],
    ...(Deno.env.get("KUASAR_E2E_IO") === "streaming" ? { ioType: "streaming" as const } : {}),
    ...options,
    ...(comparing ? { handler: "runc", pauseImage: PAUSE_REF } : {}),
  });
  if (comparing || options.pauseImage !== undefined) await importArchive(node, await pauseImage());
  return node;
}

/** So often the first pod is asked for. */
const FIRST_POD_ATTEMPTS = 5;

/** As a kubelet does, again: containerd gives a sandboxer one second for its first word, and a host may be busier than that. */
async function firstPod(node: Node): Promise<Pod> {
  for (let left = FIRST_POD_ATTEMPTS - 1;; left--) {
    try {
      return await node.runPod({ name: "warm-up" });
    } catch (error) {
      if (left === 0 || asKuasarError(error).code !== "UNAVAILABLE") throw error;
    }
  }
}

/** Runs one pod with a container, so that what is opened once and lazily is open before anything is counted. */
export async function warmUp(node: Node): Promise<void> {
  const pod = await firstPod(node);
  const container = await pod.run({
    name: "c",
    image: await node.image("busybox"),
    command: ["sleep", "1000"],
  });
  await container.exec(["true"]);
  await container.stats().catch(() => {});
  await pod.remove();
}

/** Gives the tests of a file one node, started before the first and stopped after the last. */
export function useNode(options: NodeOptions | (() => Promise<NodeOptions>) = {}): () => Node {
  let node: Node | undefined;
  Deno.test.beforeAll(async () => {
    node = await startTestNode(typeof options === "function" ? await options() : options);
    await warmUp(node).catch(async (error) => {
      console.error(node!.logTail(120).join("\n"));
      await node!.stop().catch(() => {});
      throw error;
    });
  });
  Deno.test.afterAll(async () => await node?.stop());
  return () => node!;
}

/** A test against a node; nothing of the host's resources may be left over by it. */
export function e2e(name: string, node: () => Node, run: (node: Node) => Promise<void>): void {
  Deno.test({
    name,
    // The node outlives the test.
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      const stillLeft = node().watchLeaks();
      try {
        await run(node());
        deepStrictEqual(await stillLeft(), [], "the test left something over");
      } catch (error) {
        console.error(node().logTail(120).join("\n"));
        await node().removeAllPods().catch((e) => console.error(`Cannot remove the pods: ${e}`));
        throw error;
      }
    },
  });
}

/** As `e2e`, but only where the pod has a kernel of its own. */
export function e2eVm(name: string, node: () => Node, run: (node: Node) => Promise<void>): void {
  if (underVm) e2e(name, node, run);
}

/** As `e2e`, but only for pods that see directories of the host; what others have instead is in block_test.ts. */
export function e2eShared(name: string, node: () => Node, run: (node: Node) => Promise<void>): void {
  if (!driverOfHandler(handlerUnderTest())?.sharesNothing) e2e(name, node, run);
}

/** As `e2eShared`, but not for application kernels: to gVisor and Quark a volume is what it was at the start, with one mode. */
export function e2eMountsBelow(name: string, node: () => Node, run: (node: Node) => Promise<void>): void {
  if (underVm || !oneProcess) e2eShared(name, node, run);
}

/** As `e2e`, but only where ports are forwarded: an application kernel has a loopback that nobody on the host reaches. */
export function e2eForward(name: string, node: () => Node, run: (node: Node) => Promise<void>): void {
  if (underVm || !oneProcess) e2e(name, node, run);
}

/** As `e2e`, but only where a pod is one process of the host. */
export function e2eOneProcess(name: string, node: () => Node, run: (node: Node) => Promise<void>): void {
  if (oneProcess) e2e(name, node, run);
}

/** As `e2e`, but only where the containers of our pods run on the host's own kernel. */
export function e2eHost(name: string, node: () => Node, run: (node: Node) => Promise<void>): void {
  if (driverOfHandler(handlerUnderTest())?.vm === false) e2e(name, node, run);
}

/** As `e2e`, but only where somebody looks at a container's limits: Quark's are the pod's alone. */
export function e2eLimits(name: string, node: () => Node, run: (node: Node) => Promise<void>): void {
  if (driver !== "quark") e2e(name, node, run);
}

/** As `e2e`, but only for pods of plain namespaces, whose containers are run by an OCI runtime. */
export function e2eRunc(name: string, node: () => Node, run: (node: Node) => Promise<void>): void {
  if (driver === "runc") e2e(name, node, run);
}

/**
 * As `e2eOurs`, but not of what is inside of a pod of Quark's: there its stand-in, whose containers are processes of the host,
 * says nothing of the program.
 */
export function e2eInside(name: string, node: () => Node, run: (node: Node) => Promise<void>): void {
  if (driver !== "quark") return e2eOurs(name, node, run);
  console.log(`skipped: "${name}" of Quark, whose stand-in has no kernel of its own`);
}

/** As `e2e`, but only for what stock runc cannot be asked. */
export function e2eOurs(name: string, node: () => Node, run: (node: Node) => Promise<void>): void {
  if (!comparing) e2e(name, node, run);
}
