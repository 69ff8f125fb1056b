import { bundle, link } from "../../../guest/build.ts";
import { root as repository, run, step } from "../../../lib/build/mod.ts";
import type { StandIn } from "../mod.ts";

const FOLDER = `${repository}/tests/standins/quark`;

/** Builds the stand-in as the agent is built, unless nothing changed. @returns the path of the program */
export async function buildQuark(): Promise<string> {
  const module = await bundle(`${FOLDER}/main.ts`);
  const dir = await step({
    name: "quark stand-in",
    output: "standin-quark",
    inputs: [{ text: module }, { path: `${repository}/guest/native` }, {
      path: `${repository}/guest/build.ts`,
    }],
    run: async ({ out, log }) => {
      const work = `${out}/work`;
      await Deno.mkdir(work);
      await link({ module, output: `${out}/quark`, work, log });
      await run("strip", [`${out}/quark`], { log });
      await Deno.remove(work, { recursive: true });
    },
  });
  return `${dir}/quark`;
}

/** The stand-in for Quark. */
export const quark: StandIn = {
  driver: "quark",
  tool: "quark",
  command: "quark",
  variable: "QUARK",
  async write(path) {
    await Deno.copyFile(await buildQuark(), path);
  },
};
