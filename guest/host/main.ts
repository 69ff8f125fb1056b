import { asKuasarError } from "../../lib/errors/mod.ts";
import { StreamingDefinition } from "../../lib/proto/gen/containerd/services/streaming/v1/streaming.ts";
import { SandboxDefinition } from "../../lib/proto/gen/containerd/runtime/sandbox/v1/sandbox.ts";
import type { Any } from "../../lib/proto/gen/google/protobuf/any.ts";
import { TtrpcServer } from "../../lib/ttrpc/mod.ts";
import * as sys from "../native/sys.js";
import { sleep } from "../runtime/deadline.ts";
import { serveListener } from "../runtime/listener.ts";
import { log, setLogLevel } from "../runtime/log.ts";
import { adoptContainer } from "./adopt.ts";
import { Connections } from "./connections.ts";
import { EventPublisher } from "./events.ts";
import { Keeper } from "./keeper.ts";
import { HostSandboxes } from "./host_sandboxes.ts";
import { Loggers } from "./loggers.ts";
import { parseFlags, USAGE } from "./flags.ts";
import { Preparer } from "./prepare.ts";
import { RecordStore } from "./record.ts";
import { Registry } from "./registry.ts";
import { Releases } from "./releases.ts";
import { sandboxHandlers } from "./sandbox_api.ts";
import { HostTaskService } from "./service.ts";
import { SpareRoom } from "./spare_room.ts";
import { HostStreams } from "./streaming/host_streams.ts";
import { streamingHandlers } from "./streaming/service.ts";
import { TaskEvents } from "./task_events.ts";

/** First inherited descriptor of systemd's socket activation (sd_listen_fds(3)). */
const LISTEN_FDS_START = 3;

/** containerd gives its first Connect after a restart 5 s. */
const ADOPT_TIMEOUT_MS = 3_000;

/** The socket handed over by systemd or the supervisor, else one of our own at `path`. */
function listen(path: string): number {
  if (Number(sys.getenv("LISTEN_FDS") ?? 0) < 1) return sys.listenUnix(path);
  sys.adoptListener(LISTEN_FDS_START);
  sys.setCloexec(LISTEN_FDS_START, true);
  return LISTEN_FDS_START;
}

/** True for whoever runs as we do: the socket's mode keeps others out, this keeps them out of an inherited one too. */
function isPeerAllowed(fd: number): boolean {
  const { uid } = sys.peerCredentials(fd);
  return uid === sys.geteuid() || uid === 0;
}

/**
 * The task server of the node.
 *
 * @param args what stands behind the program's name
 */
export async function runHost(args: readonly string[]): Promise<void> {
  try {
    const flags = parseFlags(args);
    if (flags.help) {
      sys.logWrite(USAGE);
      return sys.exit(0);
    }
    if (!setLogLevel(flags.logLevel)) log.warn("unknown log level", { level: flags.logLevel });
    sys.setProcessName("kuasar-task");
    sys.mkdirAll(flags.runDir, 0o755);
    const publisher = new EventPublisher(flags.containerdTtrpc);
    const registry = new Registry(publisher);
    const records = new RecordStore(`${flags.runDir}/task`);
    const preparer = new Preparer(`${flags.runDir}/prepare.sock`);
    // Orphans of the runtimes' are the containers; this server learns how they end.
    sys.setSubreaper(true);
    const keeper = await Keeper.connect();
    const publish = (topic: string, event: Any, id: string) => registry.publish(topic, event, id);
    const local = new HostSandboxes(`${flags.runDir}/task/tmp`, keeper, publish);
    const releases = new Releases(preparer, records);
    const events = new TaskEvents(publisher);
    const loggers = new Loggers(`${flags.runDir}/task/logs`);
    const socket = `${flags.runDir}/task.sock`;
    const streams = new HostStreams(`ttrpc+unix://${socket}`, `${flags.runDir}/task/streams`, keeper);
    const room = new SpareRoom(`${flags.runDir}/task/room`);
    const deps = { room, registry, records, preparer, releases, events, local, streams, keeper, loggers };
    const server = new TtrpcServer({
      // containerd 2.1 opens a connection for each and closes none.
      closeAfterStream: (name) => name === StreamingDefinition.fullName,
      onProtocolError: (error) => log.debug("connection", { error }),
      onHandlerError: (error, _, method) => log.info("refused", { method, error: asKuasarError(error) }),
    });
    new HostTaskService(deps).register(server);
    server.add(SandboxDefinition, sandboxHandlers(preparer));
    server.add(StreamingDefinition, streamingHandlers(streams));
    const listener = listen(socket);
    // Whoever asks for a container must find it, so those of an earlier run are taken over first.
    const report = (file: string, error: unknown) => log.error("cannot read a record", { file, error });
    const adopted = Promise.all(records.load(report).map((record) => adoptContainer(deps, record)));
    // A guest that does not answer must not keep the others waiting; its containers come when it does.
    await Promise.race([adopted, sleep(ADOPT_TIMEOUT_MS)]);
    const connections = new Connections(server, `${flags.runDir}/task/connections`, keeper);
    connections.resume();
    void adopted.then(() => {
      streams.settle();
      keeper?.settle();
    });
    serveListener(listener, ({ fd }) => {
      if (isPeerAllowed(fd)) connections.accept(fd);
      else sys.close(fd);
    });
    for (const signal of [sys.SIG.TERM, sys.SIG.INT]) sys.onSignal(signal, () => sys.exit(0));
    log.info("serving", { socket });
  } catch (error) {
    const { code, message } = asKuasarError(error);
    log.error(message);
    // As all services of ours: systemd starts none again that was called wrongly.
    sys.exit(code === "INVALID_ARGUMENT" ? 2 : 1);
  }
}
