import { type GrpcClient, grpcClient } from "../../lib/grpc/mod.ts";
import { DriverDefinition, MachineDefinition } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { NetworkDefinition } from "../../lib/proto/gen/kuasar/network/v1/network.ts";
import { StorageDefinition } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { InstalledDrivers } from "./installed_drivers.ts";

/** A client of services/network. */
export type NetworkClient = GrpcClient<typeof NetworkDefinition>;
/** A client of services/storage. */
export type StorageClient = GrpcClient<typeof StorageDefinition>;
/** A client of a driver. */
export type DriverClient = GrpcClient<typeof DriverDefinition>;

/** What VM drivers have besides. */
export type MachineClient = GrpcClient<typeof MachineDefinition>;

/** The services that the sandboxer calls, by their sockets in the run directory. */
export class Peers {
  readonly network: NetworkClient;
  readonly storage: StorageClient;
  readonly installed: InstalledDrivers;
  readonly #runDir: string;
  readonly #drivers = new Map<string, DriverClient>();
  readonly #machines = new Map<string, MachineClient>();

  constructor(runDir: string) {
    this.#runDir = runDir;
    this.installed = new InstalledDrivers(runDir);
    this.network = grpcClient(NetworkDefinition, `${runDir}/network.sock`);
    this.storage = grpcClient(StorageDefinition, `${runDir}/storage.sock`);
  }

  /** The driver of this name; nothing is connected before the first call. */
  driver(name: string): DriverClient {
    let client = this.#drivers.get(name);
    if (!client) {
      client = grpcClient(DriverDefinition, `${this.#runDir}/driver-${name}.sock`);
      this.#drivers.set(name, client);
    }
    return client;
  }

  /** The part of a driver that VM drivers alone have; others answer UNIMPLEMENTED. */
  machine(name: string): MachineClient {
    let client = this.#machines.get(name);
    if (!client) {
      client = grpcClient(MachineDefinition, `${this.#runDir}/driver-${name}.sock`);
      this.#machines.set(name, client);
    }
    return client;
  }

  /** Ends all connections. */
  close(): void {
    this.network.close();
    this.storage.close();
    for (const client of [...this.#drivers.values(), ...this.#machines.values()]) client.close();
  }
}
