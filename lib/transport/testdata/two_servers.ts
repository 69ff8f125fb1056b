import { serveGrpc } from "../../grpc/mod.ts";
import { TaskDefinition } from "../../proto/gen/containerd/task/v3/task.ts";
import { NetworkDefinition } from "../../proto/gen/kuasar/network/v1/network.ts";
import { TtrpcServer } from "../../ttrpc/mod.ts";
import { listenUnix } from "../mod.ts";

/** Serves gRPC's List on the path of the first argument and ttrpc's Wait on that of the second, until it is killed. */
const [grpcPath = "", ttrpcPath = ""] = Deno.args;
const unused = () => Promise.reject(new Error("not called"));
const list = () => Promise.resolve({ sandboxIds: [] });
const server = new TtrpcServer();
server.add(TaskDefinition, { wait: () => ({ exitStatus: 7, exitedAt: undefined }) });
await listenUnix({ path: ttrpcPath }, (stream) => void server.serve(stream));
await serveGrpc({
  address: grpcPath,
  services: [[NetworkDefinition, { list, attach: unused, detach: unused }]],
});
console.error("serving");
