import { hostTools } from "../../deploy/host/mod.ts";
import { ociImage } from "../../image/oci/layout.ts";

/** The pause image of the handlers that need one. */
export const PAUSE_REF = "localhost/pause:test";

/** An archive of {@link PAUSE_REF}, whose program sleeps. */
export async function pauseImage(): Promise<Uint8Array> {
  const content = await Deno.readFile(hostTools().busyboxStatic);
  const entries = [{ kind: "file" as const, path: "busybox", mode: 0o755, content, origin: "busybox" }];
  return ociImage(PAUSE_REF, entries, { Entrypoint: ["/busybox", "sleep", "100000"] });
}
