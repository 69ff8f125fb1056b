import { deepStrictEqual, rejects, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { KuasarError } from "../../lib/errors/mod.ts";
import { PodSandboxConfig } from "../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";
import { clockDelta } from "./clock_sync.ts";
import { loadSandboxerConfig } from "./config.ts";
import { InstalledDrivers } from "./installed_drivers.ts";
import { chooseDriver as choose } from "./driver_choice.ts";
import { KeyedLock } from "../../lib/concurrency/mod.ts";
import { guestPlatform } from "./platform.ts";
import { decodeMetadata, decodePodConfig, sharesPid } from "./pod_config.ts";
import { podConfigAny } from "./pod_config_json.ts";
import { parseStat, processUsage } from "./process_usage.ts";
import { repeat } from "./repeat.ts";
import { vmSize } from "./sizing.ts";
import { fromTimestamp, toTimestamp } from "./time.ts";
import { Timeline, toPhases } from "./timeline.ts";

const config = loadSandboxerConfig(undefined);
const code = (name: string) => (error: unknown) => (error as { code?: string }).code === name;
const EMPTY = PodSandboxConfig.decode(new Uint8Array(0));
const RESOURCES = {
  cpuPeriod: 0n,
  cpuQuota: 0n,
  cpuShares: 0n,
  memoryLimitInBytes: 0n,
  oomScoreAdj: 0n,
  cpusetCpus: "",
  cpusetMems: "",
  hugepageLimits: [],
  unified: {},
  memorySwapLimitInBytes: 0n,
};
const LINUX = {
  cgroupParent: "",
  securityContext: undefined,
  sysctls: {},
  overhead: undefined,
  resources: undefined,
};
const MIB = 1n << 20n;

Deno.test("the handler names the driver; others take the default; a typo is refused", () => {
  const chooseDriver = (handler: string, given = config) =>
    choose(handler, given, () => ["cloud-hypervisor", "qemu"]);
  strictEqual(chooseDriver("kuasar-qemu"), "qemu");
  strictEqual(chooseDriver("kuasar-cloud-hypervisor"), "cloud-hypervisor");
  strictEqual(chooseDriver("kuasar-clh"), "cloud-hypervisor");
  for (const handler of ["", "kuasar", "vmm", "kuasar-vmm", "constructor"]) {
    strictEqual(chooseDriver(handler), "qemu");
  }
  throws(() => chooseDriver("kuasar-qmeu"), code("INVALID_ARGUMENT"));
  strictEqual(chooseDriver("fast", { ...config, handlers: { fast: "stratovirt" } }), "stratovirt");
});

Deno.test("the drivers of a node are those whose sockets are there", async () => {
  const dir = await Deno.makeTempDir();
  for (
    const name of ["driver-qemu.sock", "driver-x-1.sock", "driver-.sock", "driver-A.sock", "network.sock"]
  ) {
    await Deno.writeTextFile(`${dir}/${name}`, "");
  }
  const installed = new InstalledDrivers(dir);
  deepStrictEqual(installed.names(), ["qemu", "x-1"]);
  await Deno.remove(`${dir}/driver-qemu.sock`);
  deepStrictEqual(installed.names(), ["qemu", "x-1"], "one that restarts is still a driver of the node");
  deepStrictEqual(installed.haveRun(), [], "one that has never run is not woken");
  Deno.mkdirSync(`${dir}/driver-x-1`);
  deepStrictEqual(installed.haveRun(), ["x-1"]);
  await Deno.remove(dir, { recursive: true });
});

Deno.test("a pod without resources takes the driver's defaults", () => {
  deepStrictEqual(vmSize(EMPTY, config.sizing), { vcpus: 0, memoryMib: 0 });
  deepStrictEqual(vmSize({ ...EMPTY, linux: { ...LINUX, resources: RESOURCES } }, config.sizing), {
    vcpus: 0,
    memoryMib: 0,
  });
});

Deno.test("resources and overhead are summed up, the guest's own share is added, CPUs are rounded up", () => {
  const resources = { ...RESOURCES, cpuPeriod: 100_000n, cpuQuota: 150_000n, memoryLimitInBytes: 512n * MIB };
  const overhead = {
    ...RESOURCES,
    cpuPeriod: 100_000n,
    cpuQuota: 60_000n,
    memoryLimitInBytes: 100n * MIB + 1n,
  };
  deepStrictEqual(vmSize({ ...EMPTY, linux: { ...LINUX, resources, overhead } }, config.sizing), {
    vcpus: 3,
    memoryMib: 512 + 101 + 64,
  });
  deepStrictEqual(vmSize({ ...EMPTY, linux: { ...LINUX, overhead } }, config.sizing).memoryMib, 0);
  const small = { ...RESOURCES, memoryLimitInBytes: 16n * MIB };
  strictEqual(vmSize({ ...EMPTY, linux: { ...LINUX, resources: small } }, config.sizing).memoryMib, 128);
});

Deno.test("PID namespaces are shared unless the pod says CONTAINER, as for containerd", () => {
  const withPid = (pid: number) =>
    sharesPid({
      ...EMPTY,
      linux: {
        ...LINUX,
        securityContext: {
          namespaceOptions: { network: 0, pid, ipc: 0, targetId: "" },
          runAsUser: undefined,
          readonlyRootfs: false,
          supplementalGroups: [],
          privileged: false,
          seccompProfilePath: "",
          runAsGroup: undefined,
        },
      },
    });
  deepStrictEqual([sharesPid(EMPTY), withPid(0), withPid(1), withPid(2)], [true, true, false, true]);
});

Deno.test("the configuration in JSON has the proto's names, but maps keep their keys", () => {
  const pod = { ...EMPTY, dnsConfig: { servers: ["a"], searches: [], options: [] }, labels: { "aB/c": "x" } };
  const any = podConfigAny({
    ...pod,
    linux: { ...LINUX, resources: RESOURCES, sysctls: { "net.ipv4.A": "1" } },
  });
  strictEqual(any.typeUrl, "PodSandboxConfig");
  const json = JSON.parse(new TextDecoder().decode(any.value));
  deepStrictEqual(json.dns_config.servers, ["a"]);
  deepStrictEqual(json.labels, { "aB/c": "x" });
  deepStrictEqual(json.linux.sysctls, { "net.ipv4.A": "1" });
  strictEqual(json.linux.resources.memory_limit_in_bytes, 0);
});

Deno.test("options and metadata of any bytes give a result or INVALID_ARGUMENT", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (value) => {
    const attempts = [
      () => decodePodConfig({ typeUrl: "runtime.v1.PodSandboxConfig", value }),
      () => decodeMetadata({ metadata: { typeUrl: "", value } }),
    ];
    for (const attempt of attempts) {
      try {
        attempt();
      } catch (error) {
        strictEqual((error as KuasarError).code, "INVALID_ARGUMENT");
      }
    }
  }));
});

Deno.test("metadata of any JSON gives a handler", () => {
  fc.assert(fc.property(fc.json(), (text) => {
    const value = new TextEncoder().encode(text);
    strictEqual(typeof decodeMetadata({ metadata: { typeUrl: "", value } }).runtimeHandler, "string");
  }));
});

Deno.test("architectures have Go's names", () => {
  deepStrictEqual(["x86_64", "aarch64", "other"].map((arch) => guestPlatform(arch).architecture), [
    "amd64",
    "arm64",
    "other",
  ]);
});

Deno.test("times survive the wire, also those before 1970", () => {
  fc.assert(fc.property(fc.integer({ min: -1e12, max: 4e12 }), (ms) => {
    const time = toTimestamp(ms);
    strictEqual(time.nanos >= 0 && time.nanos < 1e9, true);
    strictEqual(Math.abs(fromTimestamp(time) - ms) < 0.01, true);
  }));
  strictEqual(fromTimestamp({ seconds: -62135596800n, nanos: 0 }), -62135596800000);
});

Deno.test("the statistics of a process are read past any name", async () => {
  const rest = `S 1 1 1 0 -1 0 0 0 0 0 7 3 0 0 20 0 5 0 100 1000 25 ${"0 ".repeat(20)}`;
  deepStrictEqual(parseStat(`42 (a) b) (x) ${rest}`), {
    userUs: 70_000,
    systemUs: 30_000,
    threads: 5,
    residentBytes: 25 * 4096,
  });
  strictEqual(await processUsage(0x7fff_fffe), undefined);
  strictEqual((await processUsage(Deno.pid))?.threads === 0, false);
});

Deno.test("the difference of clocks does not depend on the way's length", () => {
  fc.assert(fc.property(fc.bigInt(0n, 10n ** 9n), fc.bigInt(-(10n ** 12n), 10n ** 12n), (way, offset) => {
    const sent = 10n ** 18n;
    const arrived = sent + way + offset;
    const times = {
      ClientSendTime: sent,
      ClientArriveTime: arrived,
      ServerSendTime: arrived,
      ServerArriveTime: sent + 2n * way,
    };
    strictEqual(clockDelta(times), -offset);
  }));
});

Deno.test("a call is repeated after the loss of its peer, not after an answer", async () => {
  const answers: (() => Promise<number>)[] = [
    () => Promise.reject(new KuasarError("UNAVAILABLE", "gone")),
    () => Promise.reject(new KuasarError("UNAVAILABLE", "still gone")),
    () => Promise.resolve(7),
  ];
  let before = 0;
  const next = () => answers.shift()?.() ?? Promise.reject(new Error("too often"));
  strictEqual(await repeat(next, { timeoutMs: 60_000, before: async () => void before++ }), 7);
  strictEqual(before, 2);
  const refuse = () => Promise.reject(new KuasarError("NOT_FOUND", "no"));
  await rejects(repeat(refuse, { timeoutMs: 60_000 }), code("NOT_FOUND"));
  const lost = () => Promise.reject(new KuasarError("UNAVAILABLE", "gone"));
  await rejects(repeat(lost, { timeoutMs: 1 }), code("UNAVAILABLE"));
  const abort = new AbortController();
  const running = repeat(lost, { timeoutMs: 60_000, signal: abort.signal });
  abort.abort(new KuasarError("DEADLINE_EXCEEDED", "over"));
  await rejects(running, code("DEADLINE_EXCEEDED"));
});

Deno.test("a lock serves one key in order, other keys at once, and forgets them", async () => {
  const lock = new KeyedLock();
  const order: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = lock.run("a", async () => (await gate.promise, void order.push("a1")));
  const second = lock.run("a", async () => void order.push("a2"));
  const failing = lock.run("a", () => Promise.reject(new Error("boom")));
  const third = lock.run("a", async () => void order.push("a3"));
  await lock.run("b", async () => void order.push("b"));
  gate.resolve();
  await Promise.all([first, second, rejects(failing, /boom/), third]);
  deepStrictEqual(order, ["b", "a1", "a2", "a3"]);
  strictEqual(lock.size, 0);
});

Deno.test("phases nest, failed ones included, and come in the order of their begins", async () => {
  const timeline = new Timeline();
  await rejects(timeline.phase("a", async () => {
    await timeline.phase("a/b", async () => {});
    throw new Error("boom");
  }));
  deepStrictEqual(timeline.phases.map(({ name }) => name), ["a/b", "a"]);
  const sorted = toPhases([{ name: "a/b", beginMs: 1, endMs: 2 }, { name: "a", beginMs: 1, endMs: 5 }]);
  deepStrictEqual(sorted.map(({ name }) => name), ["a", "a/b"]);
});
