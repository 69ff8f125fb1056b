import { KuasarError } from "../errors/mod.ts";
import type { CallContext } from "./call_context.ts";
import type { Handlers, MessageType, MethodDefinition, ServiceDefinition } from "./definition.ts";

/** A handler without the types of its messages, as the connection calls it. */
export type AnyUnary = (request: unknown, context: CallContext) => Promise<unknown> | unknown;

/** A stream handler without the types of its messages, as the connection calls it. */
export type AnyStream = (
  incoming: AsyncIterable<unknown>,
  send: (message: unknown) => Promise<void>,
  context: CallContext,
) => Promise<void>;

/** A method with its handler. */
export interface ServedMethod {
  readonly stream: boolean;
  readonly requestType: MessageType<unknown>;
  readonly responseType: MessageType<unknown>;
  readonly handler: AnyUnary | AnyStream;
}

/** The methods of a server by service and method name. */
export class MethodTable {
  readonly #services = new Map<string, Map<string, ServedMethod>>();

  /** Adds the handlers of a service under `fullName`. */
  add<D extends ServiceDefinition>(definition: D, handlers: Handlers<D>, fullName: string): void {
    const methods = new Map<string, ServedMethod>();
    const given = handlers as Record<string, AnyUnary | AnyStream | undefined>;
    for (const [key, method] of Object.entries(definition.methods)) {
      // Bound to the object, so that a class can be the set of handlers.
      const handler = given[key]?.bind(handlers);
      if (handler) methods.set(method.name, served(method, handler));
    }
    this.#services.set(fullName, methods);
  }

  /** @throws UNIMPLEMENTED for a service or method that nobody serves */
  find(service: string, method: string): ServedMethod {
    const methods = this.#services.get(service);
    if (!methods) {
      throw new KuasarError("UNIMPLEMENTED", `Cannot call ${service}/${method}: the service is unknown`);
    }
    const found = methods.get(method);
    if (!found) {
      throw new KuasarError("UNIMPLEMENTED", `Cannot call ${service}/${method}: the method is unknown`);
    }
    return found;
  }
}

function served(method: MethodDefinition, handler: AnyUnary | AnyStream): ServedMethod {
  return {
    stream: method.requestStream || method.responseStream,
    requestType: method.requestType,
    responseType: method.responseType,
    handler,
  };
}
