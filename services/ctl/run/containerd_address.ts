import { exists } from "../../../lib/files/mod.ts";
import { KuasarError } from "../../../lib/errors/mod.ts";

/**
 * The socket of the containerd that offers our handlers: of `deno task start` below its run directory, or the host's.
 *
 * @throws KuasarError UNAVAILABLE saying how to get one
 */
export async function containerdAddress(runDir: string, given: string | undefined): Promise<string> {
  const candidates = given === undefined
    ? [`${runDir}/containerd/containerd.sock`, "/run/containerd/containerd.sock"]
    : [given.replace(/^unix:\/\//, "")];
  for (const path of candidates) if (await exists(path)) return path;
  throw new KuasarError(
    "UNAVAILABLE",
    `Cannot find containerd: there is no socket at ${candidates.join(" or ")}. ` +
      'Start one with "deno task start", or name another with --containerd',
  );
}
