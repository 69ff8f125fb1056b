import { asKuasarError } from "../errors/mod.ts";
import { type CallOptions, type GrpcClient, grpcClient } from "../grpc/mod.ts";
import { ImageServiceDefinition, RuntimeServiceDefinition } from "../proto/gen/runtime/v1/cri.ts";

/** How often a containerd that is still starting is asked. */
const READY_STEP_MS = 20;

/** The two CRI services of one containerd. */
export interface Cri {
  runtime: GrpcClient<typeof RuntimeServiceDefinition>;
  images: GrpcClient<typeof ImageServiceDefinition>;
  close(): void;
}

/**
 * Connects to the CRI of containerd at the unix socket `path`.
 *
 * A call made while containerd is away waits for it until the call's deadline.
 *
 * @param defaults of all calls
 */
export function connectCri(path: string, defaults: CallOptions = {}): Cri {
  const runtime = grpcClient(RuntimeServiceDefinition, path, defaults);
  const images = grpcClient(ImageServiceDefinition, path, defaults);
  return {
    runtime,
    images,
    close: () => {
      runtime.close();
      images.close();
    },
  };
}

/** What containerd 1.7 says, without a code, while its CRI plugin starts. */
const STARTING = /server is not initialized yet/;

function isStarting(error: unknown): boolean {
  const { code, message } = asKuasarError(error);
  return code === "UNAVAILABLE" || STARTING.test(message);
}

/**
 * Waits until the CRI of containerd answers: it accepts connections a little before, and then says UNAVAILABLE.
 *
 * @throws KuasarError what it said last when `timeoutMs` is over
 * @throws the reason of `signal`
 */
export async function waitForCri(path: string, timeoutMs: number, signal?: AbortSignal): Promise<void> {
  const cri = connectCri(path);
  const end = Date.now() + timeoutMs;
  try {
    while (true) {
      try {
        await cri.runtime.version({ version: "v1" }, { timeoutMs, ...(signal && { signal }) });
        return;
      } catch (error) {
        signal?.throwIfAborted();
        if (!isStarting(error) || Date.now() > end) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, READY_STEP_MS));
    }
  } finally {
    cri.close();
  }
}
