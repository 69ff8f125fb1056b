import { KuasarError } from "../../lib/errors/mod.ts";

/**
 * The calls of the contract that only a driver without VMs has: in a VM the guest's agent runs the containers, and
 * services/storage prepares them.
 *
 * @param driver name of the driver, for the message
 */
export function containersInGuest(driver: string) {
  return {
    prepareContainer: (): Promise<never> =>
      Promise.reject(
        new KuasarError(
          "UNIMPLEMENTED",
          `Cannot prepare a container on the host: the sandboxes of driver ${driver} are VMs`,
        ),
      ),
    releaseContainer: () => Promise.resolve({}),
  };
}
