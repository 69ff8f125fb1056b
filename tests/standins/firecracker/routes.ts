import { checkBody, type Refusals, withoutNulls } from "../http/body_rule.ts";
import type { HttpRequest } from "../http/request.ts";
import type { HttpAnswer } from "../http/server.ts";
import { bodyRule } from "./body_rules.ts";
import { Fault, strictness, Unrecoverable } from "./fault.ts";
import type {
  Balloon,
  BootSource,
  Drive,
  MachineConfig,
  NetworkInterface,
  SnapshotCreate,
  SnapshotLoad,
  Vsock,
} from "./resources.ts";
import type { Vmm } from "./vmm.ts";

interface Route {
  /** The name of the id in the body, where the path ends in one. */
  id?: string;
  run(vmm: Vmm, body: unknown): unknown;
}

const ROUTES: Readonly<Record<string, Route>> = {
  "GET /": { run: (vmm) => vmm.info() },
  "GET /version": { run: (vmm) => vmm.version() },
  "GET /machine-config": { run: (vmm) => vmm.machineConfig() },
  "GET /balloon": { run: (vmm) => vmm.balloon() },
  "GET /vm/config": { run: (vmm) => vmm.vmConfig() },
  "PUT /machine-config": { run: (vmm, body) => vmm.setMachine(body as MachineConfig) },
  "PUT /boot-source": { run: (vmm, body) => vmm.setBootSource(body as BootSource) },
  "PUT /drives": { id: "drive_id", run: (vmm, body) => vmm.setDrive(body as Drive) },
  "PATCH /drives": { id: "drive_id", run: (vmm, body) => vmm.updateDrive(body as { drive_id: string }) },
  "PUT /network-interfaces": { id: "iface_id", run: (vmm, body) => vmm.setNic(body as NetworkInterface) },
  "PUT /vsock": { run: (vmm, body) => vmm.setVsock(body as Vsock) },
  "PUT /entropy": { run: (vmm) => vmm.setEntropy() },
  "PUT /balloon": { run: (vmm, body) => vmm.setBalloon(body as Balloon) },
  "PATCH /balloon": { run: (vmm, body) => vmm.updateBalloon(body as Balloon) },
  "PUT /serial": { run: (vmm, body) => vmm.setSerial(body as { serial_out_path?: string }) },
  "PUT /metrics": { run: (vmm, body) => vmm.setMetrics(body as { metrics_path: string }) },
  "PUT /actions": { run: (vmm, body) => vmm.act(body as { action_type: string }) },
  "PUT /snapshot/create": { run: (vmm, body) => vmm.createSnapshot(body as SnapshotCreate) },
  "PUT /snapshot/load": { run: (vmm, body) => vmm.loadSnapshot(body as SnapshotLoad) },
  "PATCH /vm": { run: (vmm, body) => vmm.setState(body as { state: "Paused" }) },
};

/** What the real one has and no driver of ours asks for. */
const NOT_HERE = [
  ...["GET /mmds", "PUT /mmds", "PATCH /mmds", "GET /hotplug", "PUT /hotplug", "PATCH /hotplug"],
  ...["PUT /logger", "PUT /cpu-config", "PUT /pmem", "PATCH /pmem", "DELETE /pmem"],
  ...["PATCH /machine-config", "PATCH /network-interfaces", "DELETE /network-interfaces", "DELETE /drives"],
  ...["GET /balloon/statistics", "PATCH /balloon/statistics"],
];

/**
 * Answers one request: 200 with a value, 204, or 400 with a fault.
 *
 * @param minor version
 * @param unrecoverable ends the process after the answer
 */
export async function route(
  vmm: Vmm,
  minor: number,
  request: HttpRequest,
  unrecoverable: () => void,
): Promise<HttpAnswer> {
  try {
    const answer = await serve(vmm, minor, request);
    return answer === undefined ? { status: 204 } : { status: 200, body: JSON.stringify(answer) };
  } catch (error) {
    const message = error instanceof Fault
      ? error.message
      : `Stand-in: a defect of it: ${(error as Error).stack}`;
    const answer: HttpAnswer = { status: 400, body: JSON.stringify({ fault_message: message }) };
    if (!(error instanceof Unrecoverable)) return answer;
    unrecoverable();
    return { ...answer, last: true };
  }
}

async function serve(vmm: Vmm, minor: number, { method, path, body }: HttpRequest): Promise<unknown> {
  if (method === "GET" && body !== undefined) throw new Fault("GET request cannot have a body.");
  if ((method === "PUT" || method === "PATCH") && body === undefined) {
    throw new Fault(`Empty ${method} request.`);
  }
  if (method === "DELETE" && body !== undefined) throw new Fault("Empty Delete request.");
  const [first = "", second] = path.replace(/^\/+/, "").split("/");
  const whole = `${method} /${first}/${second}`;
  const collection = `${method} /${first}`;
  if (NOT_HERE.includes(whole) || NOT_HERE.includes(collection)) {
    throw strictness(`${method} ${path} is not implemented`);
  }
  const name = Object.hasOwn(ROUTES, whole) ? whole : collection;
  const found = Object.hasOwn(ROUTES, name) ? ROUTES[name] : undefined;
  if (!found) throw new Fault(`Invalid request method and/or path: ${method} ${first}.`);
  if (found.id !== undefined) checkPathId(second ?? "");
  if (method === "GET") return await found.run(vmm, undefined);
  const value = readBody(name, body!, minor);
  if (found.id !== undefined && second !== value[found.id]) {
    throw new Fault("The id from the path does not match the id from the body!");
  }
  return await found.run(vmm, value);
}

function checkPathId(id: string): void {
  if (id === "") throw new Fault("The ID cannot be empty.");
  if (!/^[\p{L}\p{N}_]+$/u.test(id)) {
    throw new Fault("API Resource IDs can only contain alphanumeric characters and underscores.");
  }
}

const WHAT = "An error occurred when deserializing the json body of a request";

function readBody(name: string, body: string, minor: number): Record<string, unknown> {
  const [method = "", resource = ""] = name.split(" ");
  const rule = bodyRule(method, resource);
  if (rule === undefined) throw new Fault(`Stand-in: ${name} is not implemented`);
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (error) {
    throw new Fault(`${WHAT}: ${(error as Error).message}.`);
  }
  checkBody(rule, value, minor, REFUSALS);
  return withoutNulls(value) as Record<string, unknown>;
}

const REFUSALS: Refusals = {
  type: (path, value, wanted) =>
    new Fault(`${WHAT}: invalid type at ${path || "."}: ${JSON.stringify(value)}, expected ${wanted}.`),
  missing: (path) => new Fault(`${WHAT}: missing field \`${path.slice(1)}\`.`),
  unknown: (path, known) =>
    new Fault(
      `${WHAT}: unknown field \`${path.slice(1)}\`, expected one of ${
        known.map((one) => `\`${one}\``).join(", ")
      }.`,
    ),
};
