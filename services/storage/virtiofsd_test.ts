import { deepStrictEqual, match, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { exists } from "../../lib/files/mod.ts";
import { unmount } from "../../lib/libc/mod.ts";
import { bindMount, openPath } from "../../lib/mounts/mod.ts";
import { exitWithin, isAlive, killProcess } from "../../lib/process/mod.ts";
import { ShareKind } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { TestStorage } from "./_fixture.ts";
import { storageSettings } from "./settings.ts";
import { findVirtiofsd, virtiofsdArguments } from "./virtiofsd.ts";

const PROGRAM = new URL("../../build/host/usr/libexec/virtiofsd", import.meta.url).pathname;

/** Why the tests with the real daemon cannot run here. */
function obstacle(): string | undefined {
  if (Deno.uid() !== 0) return "not root";
  try {
    Deno.statSync(PROGRAM);
  } catch {
    return `${PROGRAM} does not exist (deno task setup fetches it)`;
  }
  return undefined;
}
const missing = obstacle();
if (missing) console.log(`virtiofsd is not tested: ${missing}`);

function daemonTest(name: string, run: (storage: TestStorage) => Promise<void>): void {
  Deno.test({
    name,
    ignore: missing !== undefined,
    async fn() {
      await using storage = new TestStorage(PROGRAM);
      await run(storage);
    },
    // The child object of a daemon that outlives its parent by design.
    sanitizeResources: false,
    sanitizeOps: false,
  });
}

const daemonOf = (storage: TestStorage) => storage.environment.state.shares.get("s1")!.daemon!;

Deno.test("virtiofsd is sandboxed, told of mounts below, and gets its socket as a descriptor", () => {
  deepStrictEqual(
    virtiofsdArguments({
      ...storageSettings(undefined, { virtiofsd: "/v" }).virtiofsd,
      extra_args: ["--syslog"],
    }, "/s"),
    [
      ..."--shared-dir /s --fd 3 --sandbox namespace --seccomp kill --announce-submounts --cache auto".split(
        " ",
      ),
      ..."--thread-pool-size 1 --log-level warn --xattr --killpriv-v2 --syslog".split(" "),
    ],
  );
});

Deno.test({
  name: "without the program the share fails and leaves nothing",
  ignore: Deno.uid() !== 0,
  async fn() {
    await using storage = new TestStorage("/nowhere/virtiofsd");
    await rejects(storage.share("s1", ShareKind.VIRTIOFS), {
      code: "FAILED_PRECONDITION",
      message: /\/nowhere\/virtiofsd/,
    });
    deepStrictEqual(storage.environment.state.shares.ids(), []);
    throws(() => Deno.statSync(`${storage.runDir}/storage/s1`), Deno.errors.NotFound);
  },
});

daemonTest(
  "the socket listens when the share is answered; mounts reach the daemon's namespace and leave it",
  async (storage) => {
    const share = await storage.share("s1", ShareKind.VIRTIOFS);
    strictEqual(Deno.statSync(share.socketPath).mode! & 0o777, 0o600);
    using connection = await Deno.connect({ transport: "unix", path: share.socketPath });
    ok(connection);
    const root = await daemonRoot(storage, share.hostDir);
    await storage.prepare("c1");
    strictEqual(Deno.readTextFileSync(`${root}/c1/rootfs/hello`), "c1");
    throws(() => Deno.writeTextFileSync(`${root}/x`, ""), /os error 30/);
    await storage.release("c1");
    throws(() => Deno.statSync(`${root}/c1`), Deno.errors.NotFound);
    await storage.remove();
    deepStrictEqual(findVirtiofsd(share.hostDir), []);
  },
);

daemonTest(
  "the daemon's socket can be shown to a VMM in its own root, and goes with the share",
  async (storage) => {
    const { socketPath } = await storage.share("s1", ShareKind.VIRTIOFS);
    const place = `${storage.dir}/place`;
    Deno.writeTextFileSync(place, "");
    {
      using socket = openPath(socketPath);
      // EINVAL if it were on an unbindable mount.
      bindMount(socket, place);
    }
    ok(Deno.statSync(place).isSocket);
    unmount(place);
    await storage.remove();
    ok(!exists(socketPath));
  },
);

daemonTest("a daemon lives through a restart of storage, is adopted and its end noticed", async (storage) => {
  const share = await storage.share("s1", ShareKind.VIRTIOFS);
  const daemon = daemonOf(storage);
  strictEqual((await storage.restart()).adopted, 1);
  ok(isAlive(daemon));
  await storage.share("s1", ShareKind.VIRTIOFS);
  deepStrictEqual(daemonOf(storage), daemon);
  killProcess(daemon, "SIGKILL");
  await storage.logged(/virtiofsd has (ended|failed)/);
  // Asked again it is started anew.
  const again = await storage.share("s1", ShareKind.VIRTIOFS);
  deepStrictEqual(again, share);
  ok(isAlive(daemonOf(storage)));
  await storage.remove();
  deepStrictEqual(findVirtiofsd(share.hostDir), []);
});

daemonTest("a daemon whose start was never written down is found and ended", async (storage) => {
  const share = await storage.share("s1", ShareKind.VIRTIOFS);
  const daemon = daemonOf(storage);
  storage.environment.state.shares.put("s1", { kind: "virtiofs", state: "creating" });
  const { undone, leftovers } = await storage.restart();
  deepStrictEqual([undone, leftovers], [1, []]);
  ok(!isAlive(daemon));
  deepStrictEqual(findVirtiofsd(share.hostDir), []);
});

daemonTest("the death of a daemon is a warning with the reason", async (storage) => {
  await storage.share("s1", ShareKind.VIRTIOFS);
  killProcess(daemonOf(storage), "SIGKILL");
  await storage.logged(/virtiofsd has failed/);
});

daemonTest(
  "who waits for a share is told of the death of its daemon, also later and after a restart",
  async (storage) => {
    await storage.share("s1", ShareKind.VIRTIOFS);
    const waiting = storage.waitShare();
    killProcess(daemonOf(storage), "SIGKILL");
    const { ended, failure } = await waiting;
    // Kernels before 6.15 tell only the parent how a process ended.
    ok(ended && ["signal 9", ""].includes(failure), failure);
    ok((await storage.waitShare()).ended);
    await storage.restart();
    ok((await storage.waitShare()).ended);
  },
);

daemonTest("waiting for a share ends with its caller, and with the share", async (storage) => {
  const giveUp = new AbortController();
  await storage.share("s1", ShareKind.VIRTIOFS);
  const waiting = storage.waitShare("s1", giveUp.signal);
  giveUp.abort();
  await rejects(waiting, { code: "CANCELLED" });
  const removed = storage.waitShare();
  await storage.remove();
  ok((await removed).ended);
  await rejects(storage.waitShare(), { code: "NOT_FOUND" });
});

daemonTest("a share without a daemon is never waited for", async (storage) => {
  await storage.share("s1", ShareKind.NINEP);
  deepStrictEqual(await storage.waitShare(), { ended: false, failure: "", evidence: [] });
});

daemonTest("a daemon that cannot start leaves its reason in the log", async (storage) => {
  const environment = { ...storage.environment.virtiofsd, extra_args: ["--no-such-flag"] };
  Object.assign(storage.environment, { virtiofsd: environment });
  await storage.share("s1", ShareKind.VIRTIOFS);
  await exitWithin(storage.environment.watcher, daemonOf(storage), 10_000);
  match(Deno.readTextFileSync(`${storage.runDir}/storage/s1/virtiofsd.log`), /--no-such-flag/);
  await storage.remove();
});

/** The root of the daemon's own mount namespace, once it has entered it. */
async function daemonRoot(storage: TestStorage, sharedDir: string): Promise<string> {
  // Its child is the second process with these arguments; there is nothing to wait on but its appearance.
  for (let i = 0; i < 500; i++) {
    const child = findVirtiofsd(sharedDir).find(({ pid }) => pid !== daemonOf(storage).pid);
    const root = `/proc/${child?.pid}/root`;
    if (child && !isHostRoot(root)) return root;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("virtiofsd has not entered its namespace within 10 s");
}

function isHostRoot(root: string): boolean {
  try {
    return Deno.statSync(`${root}/proc`).isDirectory;
  } catch {
    return false;
  }
}
