import type { PodOptions } from "../../lib/cri/mod.ts";
import { asKuasarError } from "../../lib/errors/mod.ts";
import type { Container, Node, Pod } from "../harness/mod.ts";
import type { Area, Case, Group, Place } from "./case.ts";

/** How long one case may take in its container. */
const CASE_TIMEOUT_S = 120;

/** What is said of it is each runtime's own affair. */
const NOT_STARTED = "does not start";

const SLEEPER = ["sleep", "1000000"];

/** The outcomes of an area's cases under one handler, by `group: case`. */
export type Outcomes = ReadonlyMap<string, string>;

/** The name of a case among those of its area. */
export function titleOf(group: Group, { name }: Case): string {
  return `${group.name}: ${name}`;
}

/** What one handler makes of cases: a pod for each set of options, and a container for each group. */
export class Field {
  readonly #node: Node;
  readonly #image: string;
  readonly #handler: string;
  readonly #pods = new Map<string, Promise<Pod>>();
  #names = 0;

  constructor(node: Node, image: string, handler: string) {
    this.#node = node;
    this.#image = image;
    this.#handler = handler;
  }

  /** Runs all cases of an area, one after the other. */
  async run(area: Area): Promise<Outcomes> {
    const outcomes = new Map<string, string>();
    for (const [index, group] of area.groups.entries()) {
      const dir = `${this.#node.runDir}/parity/${this.#handler}/${area.name}-${index}`;
      await Deno.mkdir(dir, { recursive: true });
      await group.prepare?.(dir);
      const where = `${this.#handler}, ${area.name}, ${group.name}`;
      const place = await this.#place(group, dir).catch((error) => {
        console.error(`${where}: ${asKuasarError(error).message}`);
        return undefined;
      });
      for (const item of group.cases) {
        const outcome = place === undefined ? NOT_STARTED : await outcomeOf(item, place);
        outcomes.set(titleOf(group, item), outcome.trimEnd());
      }
      await place?.container.stop(0);
      await place?.container.waitForExit();
      await place?.container.remove();
      group.cleanUp?.(dir);
    }
    return outcomes;
  }

  async #place(group: Group, dir: string): Promise<Place> {
    const pod = await this.#pod(group.pod ?? {});
    const image = this.#image;
    const nextName = () => `c${this.#names++}`;
    const mounts = Object.entries(group.volumes ?? {}).map(([containerPath, { path, readonly }]) => ({
      containerPath,
      hostPath: path.startsWith("/") ? path : `${dir}/${path}`,
      readonly: readonly ?? false,
    }));
    const options = { image, mounts, ...group.container };
    const container = await pod.run({ command: SLEEPER, ...options, name: nextName() });
    const runToEnd: Place["runToEnd"] = async (more) => {
      const own = await pod.create({ ...options, ...more, name: nextName() });
      const outcome = await startAndWait(own);
      await own.remove();
      return outcome;
    };
    return { node: this.#node, pod, image, dir, container, nextName, runToEnd };
  }

  #pod(options: Partial<PodOptions>): Promise<Pod> {
    const key = JSON.stringify(options);
    let pod = this.#pods.get(key);
    if (pod === undefined) {
      const logDirectory = `${this.#node.runDir}/logs/${this.#handler}-${this.#pods.size}`;
      const dnsServers = ["192.0.2.53"];
      pod = this.#node.runPod({
        name: "parity",
        handler: this.#handler,
        logDirectory,
        dnsServers,
        ...options,
      });
      this.#pods.set(key, pod);
    }
    return pod;
  }
}

async function outcomeOf(item: Case, place: Place): Promise<string> {
  try {
    if ("act" in item) return await item.act(place);
    const { stdout, exitCode } = await place.container.exec(
      ["sh", "-c", `exec 2>&1\n${item.script}`],
      CASE_TIMEOUT_S,
    );
    return exitCode === 0 ? stdout : `${stdout}exit ${exitCode}`;
  } catch (error) {
    return `the case fails: ${asKuasarError(error).message}`;
  }
}

async function startAndWait(container: Container): Promise<string> {
  try {
    await container.start();
  } catch {
    return NOT_STARTED;
  }
  const { exitCode, reason } = await container.waitForExit();
  const lines = await container.logLines();
  return [...lines, `ended: ${exitCode} ${reason}`].join("\n");
}
