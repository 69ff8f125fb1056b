import { asKuasarError, KuasarError } from "../lib/errors/mod.ts";
import { grpcClient } from "../lib/grpc/mod.ts";
import { AdminDefinition } from "../lib/proto/gen/kuasar/admin/v1/admin.ts";
import { DriverDefinition } from "../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { NetworkDefinition } from "../lib/proto/gen/kuasar/network/v1/network.ts";
import { StorageDefinition } from "../lib/proto/gen/kuasar/storage/v1/storage.ts";

/**
 * Waits until every service and each of the `drivers` answers a call. Their sockets take connections from the beginning, since the supervisor
 * holds them, so that a connection alone says nothing.
 *
 * @throws the reason of `signal`
 * @throws KuasarError UNAVAILABLE naming the service that does not answer within `timeoutMs`
 */
export async function waitForServices(
  runDir: string,
  drivers: readonly string[],
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<void> {
  const options = { timeoutMs, ...(signal && { signal }) };
  const clients = {
    network: grpcClient(NetworkDefinition, `${runDir}/network.sock`),
    storage: grpcClient(StorageDefinition, `${runDir}/storage.sock`),
    sandboxer: grpcClient(AdminDefinition, `${runDir}/sandboxer.sock`),
  };
  const driverClients = drivers.map((name) =>
    [name, grpcClient(DriverDefinition, `${runDir}/driver-${name}.sock`)] as const
  );
  const answer = (name: string, call: Promise<unknown>) =>
    call.catch((error) => {
      signal?.throwIfAborted();
      const reason = asKuasarError(error).message;
      throw new KuasarError("UNAVAILABLE", `Cannot start ${name}: ${reason}`, { cause: error });
    });
  try {
    const lists = Object.entries(clients).map(([name, client]) => answer(name, client.list({}, options)));
    const infos = driverClients.map(([name, client]) => answer(`driver-${name}`, client.info({}, options)));
    await Promise.all([...lists, ...infos]);
  } finally {
    for (const client of [...Object.values(clients), ...driverClients.map(([, client]) => client)]) {
      client.close();
    }
  }
}
