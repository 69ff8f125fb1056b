import type { Entry } from "../entry.ts";
import { inOrder } from "../entry.ts";
import { ociImage } from "./layout.ts";

/** The name under which containerd knows the image. */
export const BUSYBOX = "docker.io/library/busybox:kuasar";

/**
 * A small image of one static program.
 *
 * @param content a static busybox
 * @param applets its commands, as `busybox --list` prints them
 */
export function busyboxImage(content: Uint8Array, applets: readonly string[]): Uint8Array<ArrayBuffer> {
  const origin = "busybox-static";
  const directory = (path: string, mode = 0o755): Entry => ({ kind: "directory", path, mode, origin });
  const text = (path: string, value: string): Entry => ({
    kind: "file",
    path,
    mode: 0o644,
    content: new TextEncoder().encode(value),
    origin,
  });
  const entries = inOrder([
    ...["bin", "etc", "home", "proc", "sys", "dev", "usr", "var"].map((path) => directory(path)),
    directory("root", 0o700),
    directory("tmp", 0o1777),
    { kind: "file", path: "bin/busybox", mode: 0o755, content, origin },
    ...applets.filter((name) => name !== "busybox").map((name): Entry => ({
      kind: "link",
      path: `bin/${name}`,
      mode: 0o777,
      target: "busybox",
      origin,
    })),
    text("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n"),
    text("etc/group", "root:x:0:\nnogroup:x:65534:\n"),
  ]);
  return ociImage(BUSYBOX, entries, {
    Cmd: ["sh"],
    Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
  });
}
