import { allHandlers, DRIVERS } from "../../../deploy/drivers.ts";
import { connectCri } from "../../../lib/cri/mod.ts";
import { KuasarError } from "../../../lib/errors/mod.ts";
import type { Command, CommandInput } from "../command.ts";
import { tellError } from "../tell_error.ts";
import { containerdAddress } from "./containerd_address.ts";
import { provideImage } from "./image.ts";
import { Interruption } from "./interruption.ts";
import { runInPod, type RunPlan } from "./pod.ts";

/** Where nothing of the container's ran: what Docker and Podman exit with. */
const EXIT_OURS = 125;

/** The quota of one CPU in a period of 100 ms. */
const CPU_QUOTA_US = 100_000;

/** The handler of a kind of pods: `clh`, `gvisor`, or a handler by its whole name. */
export function handlerOf(kind: string): string {
  const handlers = allHandlers();
  const found = handlers.find((handler) => handler === kind || handler === `kuasar-${kind}`);
  if (found !== undefined) return found;
  const kinds = DRIVERS.map(({ name }) => name).join(", ");
  throw new KuasarError("INVALID_ARGUMENT", `Cannot run a pod of the kind ${kind}: there are ${kinds}`);
}

/** A file or directory of the host in the container: `HOST:CONTAINER` or `HOST:CONTAINER:ro`. */
export function volumeOf(text: string): { hostPath: string; containerPath: string; readonly: boolean } {
  const [, hostPath, containerPath, mode] = /^(\/[^:]*):(\/[^:]*)(?::(ro|rw))?$/.exec(text) ?? [];
  if (hostPath === undefined || containerPath === undefined) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot use the volume ${text}: expected /HOST/PATH:/CONTAINER/PATH, with :ro behind it to read only`,
    );
  }
  return { hostPath, containerPath, readonly: mode === "ro" };
}

/** An environment variable, `NAME=VALUE`; `NAME` has our own value. */
function environment(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(texts.map((text) => {
    const at = text.indexOf("=");
    return at < 0 ? [text, Deno.env.get(text) ?? ""] : [text.slice(0, at), text.slice(at + 1)];
  }));
}

/** What the command line asks for. @param directory of its own */
export function planOf({ positionals, rest, flags }: CommandInput, directory: string): RunPlan {
  const [image] = positionals;
  if (image === undefined) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      "Cannot run anything: expected an image, docker.io/library/busybox",
    );
  }
  const { memory, cpus } = flags;
  const number = (value: unknown) => typeof value === "number" ? value : undefined;
  const memoryMib = number(memory), cpuCount = number(cpus);
  const [command, ...args] = rest;
  return {
    name: directory.split("/").at(-1)!,
    handler: handlerOf(String(flags.kind)),
    directory,
    container: {
      image,
      // As a person's command at Docker: the image's entrypoint, where it has one, gets it.
      args: command === undefined ? [] : [command, ...args],
      stdin: flags.interactive === true,
      stdinOnce: flags.interactive === true,
      tty: flags.tty === true,
      env: environment(flags.env as readonly string[]),
      mounts: (flags.volume as readonly string[]).map(volumeOf),
      ...(memoryMib !== undefined && { memoryLimitBytes: memoryMib * (1 << 20) }),
      ...(cpuCount !== undefined && { cpuQuotaUs: cpuCount * CPU_QUOTA_US }),
    },
  };
}

/** Makes the pod, and removes it. @returns the exit code */
async function perform(input: CommandInput, interruption: Interruption): Promise<number> {
  const address = await containerdAddress(input.runDir, input.flags.containerd as string | undefined);
  // Beside the node's own files: containerd writes into it.
  const folder = `${input.runDir}/ctl`;
  const directory = `${folder}/run-${Deno.pid}-${crypto.randomUUID().slice(0, 8)}`;
  const plan = planOf(input, directory);
  const cri = connectCri(address);
  const say = (text: string) => {
    if (Deno.stderr.isTerminal()) console.error(`kuasar-ctl: ${text}`);
  };
  try {
    await provideImage(cri, plan.container.image, { address, signal: interruption.asked, say });
    await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
    return await runInPod(cri, plan, interruption);
  } finally {
    cri.close();
    await Deno.remove(directory, { recursive: true }).catch(() => {});
    // Others may have theirs in it.
    await Deno.remove(folder).catch(() => {});
  }
}

/** `kuasar-ctl run`. */
export const run: Command = {
  name: "run",
  usage: "run [FLAGS] IMAGE [COMMAND...]",
  summary: "a container in a pod of its own, as long as its program runs",
  flags: {
    "kind": {
      kind: "string",
      placeholder: "KIND",
      default: DRIVERS[0]!.name,
      help: `What the pod is: ${DRIVERS.map(({ name }) => name).join(", ")}`,
    },
    "interactive": { kind: "boolean", help: "Hand on stdin (-i)" },
    "tty": { kind: "boolean", help: "Give it a terminal (-t)" },
    "rm": { kind: "boolean", help: "Taken for granted: everything is always removed" },
    "env": {
      kind: "strings",
      placeholder: "NAME[=VALUE]",
      help: "Set an environment variable (-e); again for more",
    },
    "volume": {
      kind: "strings",
      placeholder: "HOST:CONTAINER[:ro]",
      help: "A file or directory of the host (-v); again for more",
    },
    "memory": { kind: "integer", placeholder: "MIB", help: "Limit its memory (-m)" },
    "cpus": { kind: "integer", placeholder: "N", help: "Limit its CPU time" },
    "containerd": {
      kind: "string",
      placeholder: "ADDRESS",
      help: "Socket of containerd, where it is not found",
    },
  },
  short: {
    "-i": "--interactive",
    "-t": "--tty",
    "-e": "--env",
    "-v": "--volume",
    "-m": "--memory",
  },
  programFollows: true,
  examples: [
    {
      command: "kuasar-ctl run docker.io/library/busybox uname -r",
      does: "In a microVM: the guest's kernel",
    },
    {
      command: "kuasar-ctl run --kind gvisor -it docker.io/library/busybox sh",
      does: "A shell under gVisor",
    },
    {
      command: "echo 6*7 | kuasar-ctl run -i --memory 256 docker.io/library/busybox bc",
      does: "In a pipe; the exit code is the program's",
    },
  ],
  async run(input) {
    using interruption = new Interruption();
    try {
      const code = await perform(input, interruption);
      return interruption.exitCode ?? code;
    } catch (error) {
      if (interruption.asked.aborted && (error as Error).name === "AbortError") return interruption.exitCode!;
      if (error instanceof KuasarError && error.code === "INVALID_ARGUMENT") throw error;
      tellError(error);
      return interruption.exitCode ?? EXIT_OURS;
    }
  },
};
