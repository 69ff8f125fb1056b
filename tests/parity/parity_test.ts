/** The same cases under stock runc and under each kind, on one node: what differs is in the cases, with its reason. */
import { strictEqual } from "node:assert/strict";
import { driverDeployment } from "../../deploy/drivers.ts";
import { driverService } from "../../deploy/supervisor/mod.ts";
import { Node, type NodeOptions, PAUSE_REF, pauseImage } from "../harness/mod.ts";
import { importArchive, programsFor } from "../e2e/fixture.ts";
import { AREAS } from "./areas.ts";
import { Field } from "./field.ts";
import { PARITY_IMAGE, parityImage } from "./image.ts";
import { KIND_NAMES, type KindName, KINDS, REFEREE, SHARES } from "./kinds.ts";
import { faultsOf } from "./verdict.ts";

/** Fewer kinds, and areas, by hand: `KUASAR_PARITY_KINDS=gvisor,qemu KUASAR_PARITY_AREAS=files`. */
const kinds = chosen("KUASAR_PARITY_KINDS", Object.keys(KINDS) as KindName[]);
const areas = chosen("KUASAR_PARITY_AREAS", AREAS.map(({ name }) => name));

function chosen<T extends string>(variable: string, all: readonly T[]): readonly T[] {
  const names = Deno.env.get(variable)?.split(",");
  return names === undefined ? all : all.filter((name) => names.includes(name));
}

const nodes: Node[] = [];
const fields = new Map<string, Field>();

Deno.test.beforeAll(async () => {
  const common = kinds.filter((kind) => SHARES[kind] === undefined);
  const node = await start({ handler: KINDS.runc, drivers: [...common] });
  for (const kind of common) fields.set(kind, new Field(node, PARITY_IMAGE, KINDS[kind]));
  fields.set("referee", new Field(node, PARITY_IMAGE, REFEREE));
  for (const kind of kinds) {
    const share = SHARES[kind];
    if (share === undefined) continue;
    const node = await start({ handler: KINDS[kind], configs: await sharing(share) });
    fields.set(kind, new Field(node, PARITY_IMAGE, KINDS[kind]));
  }
});

Deno.test.afterAll(async () => {
  for (const node of nodes) await node.stop();
});

async function start(options: NodeOptions): Promise<Node> {
  const programs = await programsFor(options.handler!);
  const node = await Node.start({ programs, pauseImage: PAUSE_REF, ...options });
  nodes.push(node);
  await importArchive(node, await pauseImage());
  await importArchive(node, await parityImage());
  return node;
}

/** The generated configuration of QEMU's driver, with another way to share. */
async function sharing(shareFs: string): Promise<Record<string, string>> {
  const { tools, agent, kernel, bzImage, initrd, image } = await programsFor(KINDS.qemu);
  const context = { tools: { ...tools }, agent, kernel, bzImage, initrd, image, memoryMib: 256 };
  const config = await Deno.makeTempFile({ prefix: "share-", suffix: ".toml" });
  await Deno.writeTextFile(
    config,
    `${driverDeployment("qemu").configuration(context)}share_fs = "${shareFs}"\n`,
  );
  Deno.test.afterAll(() => Deno.remove(config));
  return { [driverService("qemu")]: config };
}

for (const area of AREAS.filter(({ name }) => areas.includes(name))) {
  const own = (area.kinds ?? KIND_NAMES).filter((kind) => kinds.includes(kind));
  if (own.length === 0) continue;
  Deno.test({
    name: `${area.name}: ${own.join(", ")} show what stock runc shows`,
    // The nodes outlive the test.
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      try {
        const referee = await fields.get("referee")!.run(area);
        const faults: string[] = [];
        // One after the other: cases that fill a machine would be told of the others'.
        for (const kind of own) {
          faults.push(...faultsOf(area, kind, await fields.get(kind)!.run(area), referee));
        }
        strictEqual(faults.join("\n"), "");
      } catch (error) {
        if (Deno.env.has("KUASAR_PARITY_LOG")) {
          for (const node of nodes) console.error(node.logTail(200).join("\n"));
        }
        throw error;
      }
    },
  });
}
