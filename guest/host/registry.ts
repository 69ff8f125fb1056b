import { TaskOOM } from "../../lib/proto/gen/containerd/events/events.ts";
import type { Envelope } from "../../lib/proto/gen/containerd/types/types.ts";
import type { Any } from "../../lib/proto/gen/google/protobuf/any.ts";
import { OOM_TOPIC, oomEvent } from "../task/oom_event.ts";
import { noContainer } from "../task/task_container.ts";
import type { HostContainer } from "./container.ts";
import type { EventPublisher } from "./events.ts";
import { GuestLink, type GuestPlace } from "./guest_link.ts";
import type { GuestPace } from "./guest_pace.ts";

/** The containers of the node and the links to the guests that run them. */
export class Registry {
  readonly #containers = new Map<string, HostContainer>();
  readonly #links = new Map<string, GuestLink>();
  readonly #publisher: EventPublisher;

  constructor(publisher: EventPublisher) {
    this.#publisher = publisher;
  }

  /** @throws KuasarError NOT_FOUND */
  get(id: string): HostContainer {
    const container = this.#containers.get(id);
    if (!container) throw noContainer(id);
    return container;
  }

  has(id: string): boolean {
    return this.#containers.has(id);
  }

  add(container: HostContainer): void {
    this.#containers.set(container.record.id, container);
  }

  /** Forgets a container, and the link to its guest with the last one. */
  remove(id: string): void {
    const container = this.#containers.get(id);
    if (!container) return;
    this.#containers.delete(id);
    const { sandboxId } = container.link;
    if ([...this.#containers.values()].some((other) => other.link === container.link)) return;
    container.link.close();
    if (this.#links.get(sandboxId) === container.link) this.#links.delete(sandboxId);
  }

  /** The link to a guest, shared by all containers in it. */
  link(sandboxId: string, place: GuestPlace): GuestLink {
    const known = this.#links.get(sandboxId);
    if (known && !known.dead && known.vmm.pid === place.vmm.pid) return known;
    const link = new GuestLink(
      sandboxId,
      place,
      (envelope, pace) => this.#onEvent(sandboxId, envelope, pace),
    );
    this.#links.set(sandboxId, link);
    return link;
  }

  /** An event of a container on the host. */
  publish(topic: string, event: Any, containerId: string): void {
    const container = this.#containers.get(containerId);
    if (container) this.#publisher.publish(container.record.namespace, topic, event);
  }

  /** A guest may only speak of its own containers, and only of what is expected from it. */
  #onEvent(sandboxId: string, { topic, event }: Envelope, pace: GuestPace): void {
    if (topic !== OOM_TOPIC || !event) {
      return pace.complain("event of a guest ignored", { topic: topic.slice(0, 80) });
    }
    const { containerId } = TaskOOM.decode(event.value);
    const container = this.#containers.get(containerId);
    if (container?.link.sandboxId !== sandboxId) {
      return pace.complain("event of a guest about a foreign container ignored");
    }
    this.#publisher.publish(container.record.namespace, OOM_TOPIC, oomEvent(containerId));
  }
}
