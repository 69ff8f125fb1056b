import { NetworkDefinition } from "../../proto/gen/kuasar/network/v1/network.ts";
import { serveGrpc } from "../mod.ts";

/** Serves List on the path of the first argument, or on the inherited socket `list`, until it is killed. */
const list = () => Promise.resolve({ sandboxIds: [] });
const unused = () => Promise.reject(new Error("not called"));
await serveGrpc({
  address: Deno.args[0]!,
  fdName: "list",
  services: [[NetworkDefinition, { list, attach: unused, detach: unused }]],
});
