/**
 * The VM drivers side by side: `deno run -A tests/bench/hypervisors.ts`, and a part of `deno task bench`. Where the program
 * of a driver cannot run, its stand-in does: then the column shows what the driver and everything around it take, and QEMU
 * as the machine in all of them.
 */
import { DRIVERS } from "../../deploy/drivers.ts";
import type { DriverDeployment } from "../../deploy/drivers.ts";
import { setup } from "../../deploy/setup.ts";
import { buildDir } from "../../lib/build/mod.ts";
import { runTask } from "../../lib/service/mod.ts";
import { programsFor } from "../e2e/fixture.ts";
import { Node } from "../harness/mod.ts";
import { programUnderTest } from "../standins/mod.ts";
import { Bench, MEMORY_MIB } from "./measurements.ts";
import type { Row } from "./table.ts";

/** What was measured of one driver. */
interface Column {
  name: string;
  /** The program behind it, where that is a question. */
  program: string | undefined;
  rows: readonly Row[];
}

/** Every VM driver on a node of its own, one after the other. */
export async function hypervisorTable(pods: number, scale: number): Promise<string> {
  const columns: Column[] = [];
  for (const driver of DRIVERS.filter(({ vm }) => vm)) {
    columns.push({
      name: driver.name,
      program: (await programUnderTest(driver.name))?.what,
      rows: await measure(driver, pods, scale),
    });
  }
  const notes = columns.flatMap(({ name, program }) => program === undefined ? [] : [`${name}: ${program}`]);
  return [...notes, "", sideBySide(columns)].join("\n");
}

async function measure({ name, handlers }: DriverDeployment, pods: number, scale: number): Promise<Row[]> {
  const [handler] = handlers;
  const node = await Node.start({
    handler,
    programs: await programsFor(handler),
    logLevel: "warn",
    memoryMib: MEMORY_MIB,
    images: [`${buildDir}/images/busybox.tar`],
  });
  try {
    console.error(`bench: ${name}`);
    const bench = new Bench(node, await node.image("busybox"), scale);
    await bench.podsInTurn(pods);
    await bench.parallelPods(5);
    const pod = await node.runPod({ name: "bench" });
    await bench.containers(pod);
    await bench.throughput(pod);
    await bench.memoryPerPod([pod]);
    await pod.remove();
    return bench.rows;
  } catch (error) {
    for (const line of node.logTail(80)) console.error(line);
    throw error;
  } finally {
    await node.stop();
  }
}

/** One row for each thing that was measured of any, one column for each driver. */
export function sideBySide(columns: readonly Pick<Column, "name" | "rows">[]): string {
  const what = [...new Set(columns.flatMap(({ rows }) => rows.map((row) => row.what)))];
  const cells = what.map((one) => [
    one,
    ...columns.map(({ rows }) => rows.find((row) => row.what === one)?.value ?? ""),
  ]);
  const all = [["what", ...columns.map(({ name }) => name)], ...cells];
  const widths = all[0]!.map((_, i) => Math.max(3, ...all.map((row) => row[i]!.length)));
  const line = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  return [line(all[0]!), line(widths.map((width) => "-".repeat(width))), ...all.slice(1).map(line)].join(
    "\n",
  );
}

async function main(): Promise<number> {
  await setup();
  const quick = Deno.args.includes("--quick");
  console.log(await hypervisorTable(quick ? 3 : 10, quick ? 0.2 : 1));
  return 0;
}

if (import.meta.main) await runTask("bench", main);
