import { KuasarError } from "../../lib/errors/mod.ts";
import type { Envelope } from "../../lib/proto/gen/containerd/types/types.ts";
import type { Any } from "../../lib/proto/gen/google/protobuf/any.ts";
import type { CallContext } from "../../lib/ttrpc/mod.ts";

/** Events that wait for the host; when nobody fetches them the oldest are dropped. */
const MAX_QUEUED = 256;

const queued: Envelope[] = [];
const waiting: ((event: Envelope) => void)[] = [];

/** The containerd namespace of Kubernetes' pods, the only ones that reach a guest. */
const NAMESPACE = "k8s.io";

/** Wraps an event as containerd wants it. */
export function envelope(topic: string, event: Any, nowMs: number): Envelope {
  const seconds = Math.floor(nowMs / 1000);
  const timestamp = { seconds: BigInt(seconds), nanos: Math.floor((nowMs - seconds * 1000) * 1e6) };
  return { timestamp, namespace: NAMESPACE, topic, event };
}

/** Publishes an event of the guest (OOM and the like) for the next `GetEvents`. */
export function publishEvent(event: Envelope): void {
  const deliver = waiting.shift();
  if (deliver) return deliver(event);
  queued.push(event);
  if (queued.length > MAX_QUEUED) queued.shift();
}

/** The oldest event that nobody has got yet, or the next one. @throws KuasarError when the call is cancelled */
export function nextEvent(context: Pick<CallContext, "onCancel">): Promise<Envelope> {
  const event = queued.shift();
  if (event) return Promise.resolve(event);
  return new Promise((resolve, reject) => {
    const deliver = (next: Envelope) => {
      stopListening();
      resolve(next);
    };
    waiting.push(deliver);
    const stopListening = context.onCancel((reason: KuasarError) => {
      const index = waiting.indexOf(deliver);
      if (index >= 0) waiting.splice(index, 1);
      reject(reason);
    });
  });
}
