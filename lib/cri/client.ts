import { type GrpcClient, grpcClient } from "../grpc/mod.ts";
import { ImageServiceDefinition, RuntimeServiceDefinition } from "../proto/gen/runtime/v1/cri.ts";

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
 */
export function connectCri(path: string): Cri {
  const runtime = grpcClient(RuntimeServiceDefinition, path);
  const images = grpcClient(ImageServiceDefinition, path);
  return {
    runtime,
    images,
    close: () => {
      runtime.close();
      images.close();
    },
  };
}
