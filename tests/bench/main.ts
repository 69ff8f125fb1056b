/**
 * `deno task bench`: measures on one table, with versions and host. Numbers of different hosts do not compare.
 *
 * `--pods N` sets how many pods are started one after the other (default 10), `--quick` a fifth of everything. `--against REV` measures
 * another revision of this repository beside this tree instead.
 */
import { KERNEL_PARAMS } from "../../drivers/contract/vm/guest_config.ts";
import { setup } from "../../deploy/setup.ts";
import { buildDir } from "../../lib/build/mod.ts";
import { grpcClient } from "../../lib/grpc/mod.ts";
import { DriverDefinition } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { isEnding } from "../../lib/process/mod.ts";
import { EXIT, type FlagTable, formatHelp, parseFlags, runTask, VERSION } from "../../lib/service/mod.ts";
import { Node } from "../harness/mod.ts";
import { againstRevision } from "./against_revision.ts";
import { gvisorRows } from "./gvisor.ts";
import { hypervisorTable } from "./hypervisors.ts";
import { Bench, MEMORY_MIB } from "./measurements.ts";
import { markdownTable, type Row } from "./table.ts";
import { wasmRows } from "./wasm.ts";

const FLAGS = {
  "pods": { kind: "integer", placeholder: "N", default: 10, help: "Pods started one after the other" },
  "against": {
    kind: "string",
    placeholder: "REV",
    help: "Only this tree against another revision, in turns; built below build/against",
  },
  "kinds": {
    kind: "string",
    placeholder: "NAMES",
    default: "kuasar-runc,kuasar-gvisor,kuasar-qemu",
    help: "Handlers that --against measures",
  },
  "quick": { kind: "boolean", help: "Fewer of everything, to see that it works" },
  "help": { kind: "boolean", help: "Print this text" },
} as const satisfies FlagTable;

const USAGE = {
  name: "deno task bench",
  summary: "measure, on one table",
  flags: FLAGS,
  examples: [
    { command: "deno task bench", does: "everything, with the aims that are met and missed" },
    { command: "deno task bench --against HEAD~5 --kinds kuasar-runc", does: "what five commits have cost" },
  ],
};

/** Host and versions, as the table's heading. */
async function heading(node: Node): Promise<{ lines: string[]; accel: "kvm" | "tcg" }> {
  const driver = grpcClient(DriverDefinition, `${node.runDir}/driver-qemu.sock`);
  const info = await driver.info({});
  driver.close();
  const version = await node.cri.runtime.version({ version: "v1" });
  const model = /^model name\s*: (.*)$/m.exec(await Deno.readTextFile("/proc/cpuinfo"))?.[1] ??
    Deno.build.arch;
  return {
    accel: info.accel === "kvm" ? "kvm" : "tcg",
    lines: [
      `Kuasar in TypeScript ${VERSION}, Deno ${Deno.version.deno}, ${version.runtimeName} ${version.runtimeVersion}, ` +
      `${info.version} (${info.accel}), ${MEMORY_MIB} MiB per guest`,
      `Host: ${navigator.hardwareConcurrency} x ${model}, Linux ${Deno.osRelease()}`,
    ],
  };
}

async function main(): Promise<number> {
  const flags = parseFlags(FLAGS, Deno.args);
  if (flags.help) {
    console.log(formatHelp(USAGE));
    return EXIT.OK;
  }
  if (flags.against !== undefined) {
    const kinds = flags.kinds.split(",").filter((kind) => kind !== "");
    console.log(await againstRevision(flags.against, kinds, flags.quick ? 3 : Math.max(1, flags.pods)));
    return EXIT.OK;
  }
  await setup();
  const scale = flags.quick ? 0.2 : 1;
  const { lines, rows } = await vmRows(flags.pods, scale);
  const say = ({ what, value }: Row) => console.error(`bench: ${what}: ${value}`);
  rows.push(...await wasmRows(scale, say), ...await gvisorRows(scale, say));
  const drivers = await hypervisorTable(flags.pods, scale);
  console.log(`\n${lines.join("\n")}\n\n${markdownTable(rows)}\n\nThe VM drivers side by side\n\n${drivers}`);
  return EXIT.OK;
}

/** Pods in VMs, on a node that is stopped again. */
async function vmRows(pods: number, scale: number): Promise<{ lines: string[]; rows: Row[] }> {
  const node = await Node.start({
    logLevel: "warn",
    memoryMib: MEMORY_MIB,
    images: [`${buildDir}/images/busybox.tar`],
  });
  try {
    const bench = new Bench(node, await node.image("busybox"), scale);
    const { lines, accel } = await heading(node);
    await bench.serialPods(pods, accel, `no_timer_check ${KERNEL_PARAMS}`);
    await bench.memoryWithPods();
    for (const width of [5, 10]) await bench.parallelPods(width);
    const pod = await node.runPod({ name: "bench" });
    await bench.containers(pod);
    await bench.throughput(pod);
    await pod.remove();
    await bench.sizes();
    return { lines, rows: bench.rows };
  } catch (error) {
    if (!isEnding()) { for (const line of node.logTail(80)) console.error(line); }
    throw error;
  } finally {
    await node.stop();
  }
}

if (import.meta.main) await runTask("bench", main);
