import type { InfoResponse } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import type { Context } from "./context.ts";
import type { Peers } from "./peers.ts";
import { steadyMs } from "./time.ts";

/** A driver may come back as another version. */
const MAX_AGE_MS = 30_000;

const known = new WeakMap<Peers, Map<string, { info: InfoResponse; atMs: number }>>();

/** What a driver is; asked once in a while, not for every pod. */
export async function driverInfo(
  { peers }: Context,
  name: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<InfoResponse> {
  let infos = known.get(peers);
  if (!infos) known.set(peers, infos = new Map());
  const last = infos.get(name);
  if (last && steadyMs() - last.atMs < MAX_AGE_MS) return last.info;
  const info = await peers.driver(name).info({}, { timeoutMs, signal });
  infos.set(name, { info, atMs: steadyMs() });
  return info;
}
