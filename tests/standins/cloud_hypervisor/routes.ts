import { closeFd } from "../../../lib/libc/mod.ts";
import { ApiError, strictness } from "./api_error.ts";
import type { HttpAnswer } from "../http/server.ts";
import { checkBody, type Refusals, withoutNulls } from "../http/body_rule.ts";
import { BODY_RULES } from "./body_rules.ts";
import type { HttpRequest } from "../http/request.ts";
import type { DiskConfig, FsConfig, NetConfig, PmemConfig, VmConfig } from "./vm_config.ts";
import type { Answer, Vmm } from "./vmm.ts";
import type { RestoreConfig } from "./vm_config.ts";

const BASE = "/api/v1/";

interface Route {
  method: "GET" | "PUT";
  /** Requests with descriptors: `vm.add-net` and `vm.restore`, of those that are here. */
  takesFds?: true;
  run(vmm: Vmm, body: unknown, fds: number[]): Answer | Promise<Answer>;
}

const ROUTES: Readonly<Record<string, Route>> = {
  "vmm.ping": { method: "GET", run: (vmm) => vmm.ping() },
  "vm.create": { method: "PUT", run: (vmm, body) => vmm.create(body as VmConfig) },
  "vm.boot": { method: "PUT", run: (vmm) => vmm.boot() },
  "vm.delete": { method: "PUT", run: (vmm) => vmm.delete() },
  "vm.shutdown": { method: "PUT", run: (vmm) => vmm.shutdown() },
  "vm.power-button": { method: "PUT", run: (vmm) => vmm.powerButton() },
  "vm.pause": { method: "PUT", run: (vmm) => vmm.pause() },
  "vm.resume": { method: "PUT", run: (vmm) => vmm.resume() },
  "vm.info": { method: "GET", run: (vmm) => vmm.info() },
  "vm.counters": { method: "GET", run: (vmm) => vmm.counters() },
  "vm.resize": { method: "PUT", run: (vmm, body) => vmm.resize(body as { desired_ram?: number }) },
  "vm.add-disk": { method: "PUT", run: (vmm, body) => vmm.addDisk(body as DiskConfig) },
  "vm.add-fs": { method: "PUT", run: (vmm, body) => vmm.addFs(body as FsConfig) },
  "vm.add-pmem": { method: "PUT", run: (vmm, body) => vmm.addPmem(body as PmemConfig) },
  "vm.add-device": {
    method: "PUT",
    run: (vmm, body) => vmm.addDevice(body as { id?: string; path?: string }),
  },
  "vm.add-net": {
    method: "PUT",
    takesFds: true,
    run: (vmm, body, fds) => vmm.addNet(body as NetConfig, fds),
  },
  "vm.snapshot": {
    method: "PUT",
    run: (vmm, body) => vmm.snapshot((body as { destination_url: string }).destination_url),
  },
  "vm.restore": {
    method: "PUT",
    takesFds: true,
    run: (vmm, body, fds) => vmm.restore(body as RestoreConfig, fds),
  },
  "vm.remove-device": { method: "PUT", run: (vmm, body) => vmm.removeDevice(body as { id: string }) },
};

/** What the real one has and no driver of ours asks for here. */
const NOT_HERE = [
  ...["vm.add-vsock", "vm.add-vdpa", "vm.add-user-device"],
  ...["vm.coredump", "vm.reboot", "vm.nmi"],
  ...["vm.send-migration", "vm.receive-migration", "vm.resize-zone", "vm.resize-disk"],
];

/**
 * Answers one request.
 *
 * @param version major version
 * @param shutdown ends the process after the answer to `vmm.shutdown`
 */
export async function route(
  vmm: Vmm,
  version: number,
  { method, path, body }: HttpRequest,
  fds: number[],
  shutdown: () => void,
): Promise<HttpAnswer> {
  try {
    const name = path.startsWith(BASE) ? path.slice(BASE.length) : "";
    if (name === "vmm.shutdown" && method === "PUT") {
      shutdown();
      // The one success with neither a value nor 204.
      return { status: 200 };
    }
    if (NOT_HERE.includes(name)) throw new ApiError(500, `Stand-in: ${name} is not implemented`);
    const known = Object.hasOwn(ROUTES, name) ? ROUTES[name] : undefined;
    if (name === "vmm.shutdown") throw new ApiError(400, "Bad Request");
    if (known === undefined) throw new ApiError(404, "Not Found");
    if (known.method !== method) throw new ApiError(400, "Bad Request");
    const value = readBody(name, body, version);
    if (fds.length > 0 && !known.takesFds) throw strictness(`descriptors came with ${name}`);
    const answer = await known.run(vmm, value, fds.splice(0));
    return answer === undefined ? { status: 204 } : { status: 200, body: JSON.stringify(answer) };
  } catch (error) {
    const { status, chain } = error instanceof ApiError
      ? error
      : new ApiError(500, "Stand-in: a defect of it", String((error as Error).stack));
    return { status, body: version >= 47 ? JSON.stringify(chain) : chain.join(": ") };
  } finally {
    fds.forEach(closeFd);
  }
}

function readBody(name: string, body: string | undefined, version: number): unknown {
  const rule = BODY_RULES[name];
  if ((rule === undefined) !== (body === undefined)) throw new ApiError(400, "Bad Request");
  if (rule === undefined || body === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (error) {
    throw new ApiError(400, "The request cannot be deserialized", (error as Error).message);
  }
  checkBody(rule, value, version, refusals(version));
  return withoutNulls(value);
}

/** Types and missing fields are told as the real program does; what it would drop in silence is refused. */
function refusals(version: number): Refusals {
  const refused = (message: string) => new ApiError(400, "The request cannot be deserialized", message);
  return {
    type: (path, value, wanted) =>
      refused(`invalid type at ${path || "."}: ${JSON.stringify(value)}, expected ${wanted}`),
    missing: (path) => refused(`missing field ${path}`),
    unknown: (path, _known, since) =>
      strictness(
        since === undefined
          ? `${path} is no field, it would be dropped`
          : `${path} is known from v${since} on, v${version} would drop it`,
      ),
  };
}
