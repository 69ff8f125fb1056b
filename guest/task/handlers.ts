import { KuasarError } from "../../lib/errors/mod.ts";
import { checkId, parseProcess, type Resources, stringifySpec } from "../../lib/oci/mod.ts";
import type { ExecProcessRequest, TaskDefinition } from "../../lib/proto/gen/containerd/task/v3/task.ts";
import type { Any } from "../../lib/proto/gen/google/protobuf/any.ts";
import type { Handlers } from "../../lib/ttrpc/mod.ts";
import * as sys from "../native/sys.js";
import { checkpointOptions } from "./criu/options.ts";
import type { IoRequest, StdioProvider } from "./stdio.ts";
import type { TaskContainer, TaskContainers } from "./task_container.ts";
import { timestampOf } from "./timestamp.ts";

/** containerd's Task API for containers of one kind. */
export function taskHandlers(
  containers: TaskContainers,
  stdio: StdioProvider,
): Required<Handlers<typeof TaskDefinition>> {
  return {
    create: async (request) => {
      const container = await containers.create(checkId(request.id, "container id"), request);
      return { pid: container.init.pid };
    },
    start: async ({ id, execId }) => {
      const container = containers.get(id);
      if (execId === "") await container.start();
      else await container.startExec(execId);
      return { pid: container.process(execId).pid };
    },
    state: ({ id, execId }) => {
      const container = containers.get(id);
      const { pid, status, terminal, exit } = container.process(execId);
      return {
        id,
        execId,
        bundle: container.bundle,
        pid,
        status,
        stdin: "",
        stdout: "",
        stderr: "",
        terminal,
        exitStatus: exit?.status ?? 0,
        exitedAt: timestampOf(exit),
      };
    },
    delete: async ({ id, execId }) => {
      const container = containers.get(id);
      const process = execId === "" ? container.init : container.deleteExec(execId);
      if (execId === "") {
        await container.delete();
        containers.remove(id);
      }
      const { pid, exit } = process;
      return { pid, exitStatus: exit?.status ?? 0, exitedAt: timestampOf(exit) };
    },
    pids: async ({ id }) => {
      const pids = await containers.get(id).pids();
      return { processes: pids.map((pid) => ({ pid, info: undefined })) };
    },
    pause: async ({ id }) => {
      await containers.get(id).freeze(true);
      return {};
    },
    resume: async ({ id }) => {
      await containers.get(id).freeze(false);
      return {};
    },
    kill: async ({ id, execId, signal, all }) => {
      await containers.get(id).kill(execId, signal, all);
      return {};
    },
    exec: (request) => {
      addExec(containers.get(request.id), request);
      return {};
    },
    resizePty: ({ id, execId, width, height }) => {
      containers.get(id).process(execId);
      stdio.resize(id, execId, height, width);
      return {};
    },
    closeIO: ({ id, execId, stdin }) => {
      containers.get(id).process(execId);
      if (stdin) stdio.closeStdin(id, execId);
      return {};
    },
    update: ({ id, resources }) => {
      const container = containers.get(id);
      if (resources) container.update(parseResources(resources));
      return {};
    },
    wait: async ({ id, execId }) => {
      const exit = await containers.get(id).process(execId).wait();
      return { exitStatus: exit.status, exitedAt: timestampOf(exit) };
    },
    stats: async ({ id }) => ({ stats: await containers.get(id).metrics() }),
    checkpoint: async ({ id, path, options }) => {
      await containers.get(id).checkpoint(path, checkpointOptions(options));
      return {};
    },
    connect: ({ id }) => ({ shimPid: sys.getpid(), taskPid: containers.get(id).init.pid, version: "3" }),
    // Whoever serves this does not end with a container.
    shutdown: () => ({}),
  };
}

/** The streams that a request asks for: a terminal has no stderr of its own. */
export function ioOf({ stdin, stdout, stderr, terminal }: IoRequest): IoRequest {
  return { stdin, stdout, stderr: terminal ? "" : stderr, terminal };
}

/** @throws KuasarError INVALID_ARGUMENT */
function addExec(container: TaskContainer, request: ExecProcessRequest): void {
  const execId = checkId(request.execId, "exec id");
  if (!request.spec) throw new KuasarError("INVALID_ARGUMENT", "Cannot exec: the request has no process");
  const spec = parseProcess(sys.utf8Decode(request.spec.value));
  spec.terminal = request.terminal;
  container.addExec(execId, stringifySpec(spec as never), ioOf(request));
}

/** The resources of an update. @throws KuasarError INVALID_ARGUMENT */
function parseResources(resources: Any): Resources {
  let value: unknown;
  try {
    value = JSON.parse(sys.utf8Decode(resources.value));
  } catch (cause) {
    throw new KuasarError("INVALID_ARGUMENT", "Cannot update resources: they are not JSON", { cause });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Resources;
  throw new KuasarError("INVALID_ARGUMENT", "Cannot update resources: they are no object");
}
