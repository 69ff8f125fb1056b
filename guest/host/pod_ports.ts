import { asKuasarError } from "../../lib/errors/mod.ts";
import * as sys from "../native/sys.js";
import { serveListener } from "../runtime/listener.ts";
import { log } from "../runtime/log.ts";
import { tunnel } from "../runtime/tunnel.ts";

/** Connections of one pod at a time; more are refused. */
const MAX_CONNECTIONS = 256;

/**
 * Every TCP port of localhost in a pod's network namespace on the host: containerd serves port-forward by connecting there, but
 * the pod's programs listen in a guest. A connection becomes one to the same port of the guest's localhost; its bytes stay in the
 * kernel.
 *
 * Nobody but the host's own programs can connect: what arrives on the namespace's links goes to the guest.
 */
export class PodPorts {
  readonly #listener: number;
  readonly #link: number;
  readonly #dial: (port: number) => Promise<number>;
  readonly #tunnels = new Set<() => void>();
  #connections = 0;
  #closed = false;

  /** A pod whose ports cannot be served runs without: undefined, and the reason is logged. */
  static serve(netns: string, dial: (port: number) => Promise<number>): PodPorts | undefined {
    try {
      const { listener, link } = sys.listenEveryPort(netns);
      return new PodPorts(listener, link, dial);
    } catch (error) {
      log.warn("no port-forward", { netns, error });
      return undefined;
    }
  }

  /** @param dial connects to a port of the guest's */
  constructor(listener: number, link: number, dial: (port: number) => Promise<number>) {
    this.#listener = listener;
    this.#link = link;
    this.#dial = dial;
    serveListener(listener, ({ fd }) => void this.#accept(fd));
  }

  /** Ends all connections. The namespace lives as long as a socket in it. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    sys.close(this.#link);
    sys.close(this.#listener);
    for (const end of [...this.#tunnels]) end();
  }

  async #accept(client: number): Promise<void> {
    if (this.#connections >= MAX_CONNECTIONS) return sys.close(client);
    this.#connections += 1;
    try {
      const server = await this.#dial(sys.localPort(client));
      if (this.#closed) {
        sys.close(server);
        throw new Error("the pod has ended");
      }
      this.#join(client, server);
    } catch (error) {
      log.debug("a forwarded connection was refused", { error: asKuasarError(error) });
      sys.close(client);
      this.#connections -= 1;
    }
  }

  #join(client: number, server: number): void {
    const end = tunnel(client, server, () => {
      this.#tunnels.delete(end);
      this.#connections -= 1;
    });
    this.#tunnels.add(end);
  }
}
