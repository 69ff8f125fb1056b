/** The service that containerd connects to by gRPC, whose socket has the same name. */
const GREETED = "sandboxer";

/**
 * The command of a service, under the greeter where containerd is its client: that gives a new connection one second for the
 * server's first frame, which is less than a Deno service may need on a busy host (docs/decisions/greeted-connections.md).
 *
 * @param agent our agent, which is also the greeter
 */
export function greeted(agent: string, service: string, command: readonly string[]): readonly string[] {
  return service === GREETED ? [agent, "kuasar-greeter", GREETED, ...command] : command;
}
