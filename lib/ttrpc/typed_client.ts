import type { CallOptions, TtrpcClient } from "./client.ts";
import type { ClientStream } from "./client_stream.ts";
import type { IsStream, RequestOf, ResponseOf, ServiceDefinition } from "./definition.ts";

/** The methods of a service as functions. */
export type TypedClient<D extends ServiceDefinition> = {
  [K in keyof D["methods"]]: IsStream<D["methods"][K]> extends true
    ? (options?: CallOptions) => ClientStream<RequestOf<D["methods"][K]>, ResponseOf<D["methods"][K]>>
    : (
      request: RequestOf<D["methods"][K]>,
      options?: CallOptions,
    ) => Promise<ResponseOf<D["methods"][K]>>;
};

/** What all calls of a typed client share. */
export interface ClientDefaults extends CallOptions {
  /** Calls the service under this name (`containerd.task.v2.Task`) instead of the definition's. */
  fullName?: string | undefined;
}

/**
 * Makes an object with one function per method of `definition`; `defaults` hold for calls that say nothing
 * else. A call without a limit overrides the default by `{ timeoutMs: undefined }`.
 */
export function createClient<D extends ServiceDefinition>(
  definition: D,
  client: TtrpcClient,
  defaults: ClientDefaults = {},
): TypedClient<D> {
  const { fullName = definition.fullName, ...shared } = defaults;
  const methods = Object.entries(definition.methods).map(([key, method]) => [
    key,
    method.requestStream || method.responseStream
      ? (options?: CallOptions) => client.stream(fullName, method, { ...options })
      : (request: unknown, options?: CallOptions) =>
        client.call(fullName, method, request, { ...shared, ...options }),
  ]);
  return Object.fromEntries(methods) as TypedClient<D>;
}
