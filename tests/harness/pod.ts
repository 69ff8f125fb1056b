import {
  containerConfig,
  type ContainerOptions,
  containerResources,
  type Cri,
  message,
  RemoteCommand,
  requestThroughForward,
} from "../../lib/cri/mod.ts";
import { formatDuration, KuasarError } from "../../lib/errors/mod.ts";
import {
  ContainerState,
  type ContainerStats,
  type ContainerStatus,
  ContainerStatusRequest,
  CreateContainerRequest,
  PodSandboxState,
  type PodSandboxStatusResponse,
} from "../../lib/proto/gen/runtime/v1/cri.ts";
import type { PodSandboxConfig } from "../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";
import { PATIENCE_MS } from "./patience.ts";

const decoder = new TextDecoder();

/** How often the state of a container is asked for while a test waits for it. */
const STATE_STEP_MS = 50;

/** The result of an ExecSync. */
export interface ExecResult {
  stdout: string;
  stderr: string;
  exitCode: number;
}

/** A running pod, with the calls a test makes on it. */
export class Pod {
  readonly id: string;
  readonly config: PodSandboxConfig;
  readonly #cri: Cri;

  constructor(cri: Cri, id: string, config: PodSandboxConfig) {
    this.#cri = cri;
    this.id = id;
    this.config = config;
  }

  async status(): Promise<PodSandboxStatusResponse> {
    return await this.#cri.runtime.podSandboxStatus({ podSandboxId: this.id, verbose: true });
  }

  async ip(): Promise<string> {
    return (await this.status()).status?.network?.ip ?? "";
  }

  async isReady(): Promise<boolean> {
    return (await this.status()).status?.state === PodSandboxState.SANDBOX_READY;
  }

  /** Waits until the pod is told to have ended. @throws KuasarError DEADLINE_EXCEEDED */
  async waitForEnd(timeoutMs = PATIENCE_MS): Promise<void> {
    const end = Date.now() + timeoutMs;
    while (await this.isReady()) {
      if (Date.now() > end) {
        throw new KuasarError(
          "DEADLINE_EXCEEDED",
          `Cannot see the end of pod ${this.id} within ${formatDuration(timeoutMs)}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, STATE_STEP_MS));
    }
  }

  /**
   * Sends a request to a port of the pod's localhost as `kubectl port-forward` does, and returns the whole answer.
   *
   * @throws KuasarError UNAVAILABLE, DEADLINE_EXCEEDED
   */
  async forward(port: number, request: string): Promise<string> {
    const { url } = await this.#cri.runtime.portForward({ podSandboxId: this.id, port: [port] });
    return decoder.decode(await requestThroughForward(url, new TextEncoder().encode(request)));
  }

  /** Creates a container and starts it. */
  async run(options: ContainerOptions): Promise<Container> {
    const container = await this.create(options);
    await container.start();
    return container;
  }

  async create(options: ContainerOptions): Promise<Container> {
    const request = message(CreateContainerRequest, {
      podSandboxId: this.id,
      config: containerConfig(this.config, options),
      sandboxConfig: this.config,
    });
    const { containerId } = await this.#cri.runtime.createContainer(request);
    const log = this.config.logDirectory && `${this.config.logDirectory}/${request.config!.logPath}`;
    return new Container(this.#cri, containerId, log);
  }

  async stop(timeoutMs?: number): Promise<void> {
    await this.#cri.runtime.stopPodSandbox({ podSandboxId: this.id }, timeoutMs ? { timeoutMs } : {});
  }

  /** Stops and removes the pod with all its containers; a pod that is gone is fine. */
  async remove(): Promise<void> {
    await this.stop();
    await this.#cri.runtime.removePodSandbox({ podSandboxId: this.id });
  }
}

/** A container, with the calls a test makes on it. */
export class Container {
  readonly id: string;
  /** Its log file; empty where the pod has no log directory. */
  readonly logPath: string;
  readonly #cri: Cri;

  constructor(cri: Cri, id: string, logPath: string) {
    this.#cri = cri;
    this.id = id;
    this.logPath = logPath;
  }

  async start(): Promise<void> {
    await this.#cri.runtime.startContainer({ containerId: this.id });
  }

  async status(): Promise<ContainerStatus> {
    const request = message(ContainerStatusRequest, { containerId: this.id });
    return (await this.#cri.runtime.containerStatus(request)).status!;
  }

  async isRunning(): Promise<boolean> {
    return (await this.status()).state === ContainerState.CONTAINER_RUNNING;
  }

  /** Waits until the container has ended. @throws KuasarError DEADLINE_EXCEEDED */
  async waitForExit(timeoutMs = PATIENCE_MS): Promise<ContainerStatus> {
    const end = Date.now() + timeoutMs;
    while (Date.now() < end) {
      const status = await this.status();
      if (status.state === ContainerState.CONTAINER_EXITED) return status;
      await new Promise((resolve) => setTimeout(resolve, STATE_STEP_MS));
    }
    throw new KuasarError(
      "DEADLINE_EXCEEDED",
      `Cannot see the end of ${this.id} within ${formatDuration(timeoutMs)}`,
    );
  }

  async exec(cmd: readonly string[], timeoutSeconds = 60): Promise<ExecResult> {
    const request = { containerId: this.id, cmd: [...cmd], timeout: BigInt(timeoutSeconds) };
    const answer = await this.#cri.runtime.execSync(request, { timeoutMs: (timeoutSeconds + 30) * 1000 });
    return {
      stdout: decoder.decode(answer.stdout),
      stderr: decoder.decode(answer.stderr),
      exitCode: answer.exitCode,
    };
  }

  /** Runs a shell line. */
  async shell(line: string, timeoutSeconds = 60): Promise<ExecResult> {
    return await this.exec(["sh", "-c", line], timeoutSeconds);
  }

  /** Opens an interactive exec over containerd's streaming server. */
  async interactive(
    cmd: readonly string[],
    options: { tty?: boolean; stdin?: boolean; keepStdout?: boolean } = {},
  ): Promise<RemoteCommand> {
    const tty = options.tty ?? false;
    const { url } = await this.#cri.runtime.exec({
      containerId: this.id,
      cmd: [...cmd],
      tty,
      stdin: options.stdin ?? true,
      stdout: true,
      stderr: !tty,
    });
    return await RemoteCommand.open(url, { keepStdout: options.keepStdout ?? true });
  }

  /** Attaches to the container's own process. */
  async attach(options: { tty?: boolean; stdin?: boolean } = {}): Promise<RemoteCommand> {
    const tty = options.tty ?? false;
    const request = { containerId: this.id, tty, stdin: options.stdin ?? true, stdout: true, stderr: !tty };
    return await RemoteCommand.open((await this.#cri.runtime.attach(request)).url);
  }

  async stats(): Promise<ContainerStats> {
    return (await this.#cri.runtime.containerStats({ containerId: this.id })).stats!;
  }

  async update(limits: Parameters<typeof containerResources>[0]): Promise<void> {
    await this.#cri.runtime.updateContainerResources({
      containerId: this.id,
      linux: containerResources(limits),
    });
  }

  /** Has containerd write a checkpoint of the container into an archive. */
  async checkpoint(location: string): Promise<void> {
    await this.#cri.runtime.checkpointContainer({ containerId: this.id, location, timeout: 0n });
  }

  async stop(graceSeconds = 5): Promise<void> {
    await this.#cri.runtime.stopContainer({ containerId: this.id, timeout: BigInt(graceSeconds) });
  }

  async remove(): Promise<void> {
    await this.#cri.runtime.removeContainer({ containerId: this.id });
  }

  /** The lines of the log, without their `<time> <stream> <tag> ` prefix. */
  async logLines(stream?: "stdout" | "stderr"): Promise<string[]> {
    return parseLog(await Deno.readTextFile(this.logPath), stream);
  }

  /** Waits until the log has a line that contains `text`. @throws KuasarError DEADLINE_EXCEEDED */
  async waitForLog(text: string, timeoutMs = PATIENCE_MS): Promise<void> {
    const end = Date.now() + timeoutMs;
    let lines: string[] = [];
    while (Date.now() < end) {
      lines = await this.logLines().catch(() => []);
      if (lines.some((line) => line.includes(text))) return;
      await new Promise((resolve) => setTimeout(resolve, STATE_STEP_MS));
    }
    throw new KuasarError("DEADLINE_EXCEEDED", `Cannot find ${JSON.stringify(text)} in the log`, {
      evidence: lines.slice(-20),
    });
  }
}

/** Reads a CRI log: each line is `<RFC 3339 time> <stdout|stderr> <P|F> <text>`; P joins with what follows. */
function parseLog(text: string, stream?: "stdout" | "stderr"): string[] {
  const lines: string[] = [];
  const partial = new Map<string, string>();
  for (const line of text.split("\n")) {
    const parts = /^\S+ (stdout|stderr) ([PF]) (.*)$/s.exec(line);
    if (!parts || stream !== undefined && parts[1] !== stream) continue;
    const joined = (partial.get(parts[1]!) ?? "") + parts[3];
    if (parts[2] === "P") partial.set(parts[1]!, joined);
    else {
      lines.push(joined);
      partial.delete(parts[1]!);
    }
  }
  return lines;
}
