import { KuasarError } from "../../lib/errors/mod.ts";
import { type GrpcClient, grpcClient } from "../../lib/grpc/mod.ts";
import { AdminDefinition } from "../../lib/proto/gen/kuasar/admin/v1/admin.ts";

/** A person waits in front of the terminal, who can give up; a sandboxer that is being started again on a slow host is worth it. */
const TIMEOUT_MS = 60_000;

/**
 * Calls the sandboxer of `runDir` and closes the connection.
 *
 * @throws KuasarError UNAVAILABLE with a hint where no sandboxer serves there
 */
export async function withAdmin<T>(
  runDir: string,
  work: (admin: GrpcClient<typeof AdminDefinition>, options: { timeoutMs: number }) => Promise<T>,
): Promise<T> {
  const path = `${runDir}/sandboxer.sock`;
  // The client would wait for a sandboxer that restarts; where there is no socket at all, none will come.
  await Deno.stat(path).catch((error: Error) => {
    throw new KuasarError(
      "UNAVAILABLE",
      `Cannot reach the sandboxer at ${path}: ${error.message}. Does it run? ` +
        "Name another run directory with --run-dir",
    );
  });
  const admin = grpcClient(AdminDefinition, path);
  try {
    return await work(admin, { timeoutMs: TIMEOUT_MS });
  } finally {
    admin.close();
  }
}
