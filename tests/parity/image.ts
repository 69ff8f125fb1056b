import { hostTools } from "../../deploy/host/mod.ts";
import { type Entry, inOrder } from "../../image/entry.ts";
import { ociImage } from "../../image/oci/layout.ts";
import { capture } from "../../lib/build/mod.ts";
import { staticProgram } from "../harness/static_program.ts";

/** The image in which cases run. */
export const PARITY_IMAGE = "docker.io/library/parity:kuasar";

const ORIGIN = "tests/parity";
const encoder = new TextEncoder();

const PASSWD = `root:x:0:0:root:/root:/bin/sh
user:x:1000:1000:user:/home/user:/bin/sh
nobody:x:65534:65534:nobody:/home:/bin/false
`;
const GROUP = `root:x:0:
extra:x:2000:user
user:x:1000:
nogroup:x:65534:
`;

function directory(path: string, mode = 0o755): Entry {
  return { kind: "directory", path, mode, origin: ORIGIN };
}

function file(path: string, content: string | Uint8Array, mode = 0o644): Entry {
  const bytes = typeof content === "string" ? encoder.encode(content) : content;
  return { kind: "file", path, mode, content: bytes, origin: ORIGIN };
}

/** cap_net_bind_service, permitted and effective: `struct vfs_cap_data` of revision 2. */
const BIND_CAPABILITY = new Uint8Array(new Uint32Array([0x0200_0001, 1 << 10, 0, 0, 0]).buffer);

function link(path: string, target: string): Entry {
  return { kind: "link", path, target, mode: 0o777, origin: ORIGIN };
}

/** busybox, the probe, and files that are special in some way; an archive for `ctr image import`. */
export async function parityImage(): Promise<Uint8Array> {
  const busybox = hostTools().busyboxStatic;
  const content = await Deno.readFile(busybox);
  const applets = (await capture(busybox, ["--list"])).trim().split("\n");
  const probe = await Deno.readFile(await staticProgram("probe"));
  const posix = await Deno.readFile(await staticProgram("posix"));
  const fileProbe = await Deno.readFile(await staticProgram("file_probe"));
  const entries = inOrder([
    ...[
      "bin",
      "etc",
      "home",
      "home/user",
      "proc",
      "sys",
      "dev",
      "usr",
      "usr/local",
      "usr/local/bin",
      "var",
      "opt",
    ]
      .map((path) => directory(path)),
    directory("root", 0o700),
    directory("tmp", 0o1777),
    directory("opt/setgid", 0o2775),
    file("bin/busybox", content, 0o755),
    ...applets.filter((name) => name !== "busybox").map((name) => link(`bin/${name}`, "busybox")),
    file("bin/probe", probe, 0o755),
    file("bin/file_probe", fileProbe, 0o755),
    file("bin/posix", posix, 0o755),
    {
      ...file("bin/probe-capable", probe, 0o755),
      xattrs: { "security.capability": BIND_CAPABILITY },
    } as Entry,
    file("bin/probe-setuid", probe, 0o4755),
    file("usr/local/bin/in-path", "#!/bin/sh\necho found in PATH\n", 0o755),
    file("opt/not-executable", "#!/bin/sh\necho no\n", 0o644),
    file("opt/no-interpreter", "#!/no/such/interpreter\n", 0o755),
    file("opt/no-format", "this is no program\n", 0o755),
    file("opt/secret", "for root alone\n", 0o600),
    link("opt/dangling", "/no/such/file"),
    link("opt/loop", "loop"),
    link("opt/to-etc", "/etc"),
    file("etc/passwd", PASSWD),
    file("etc/group", GROUP),
  ]);
  return ociImage(PARITY_IMAGE, entries, {
    Cmd: ["sh"],
    Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "FROM_IMAGE=yes"],
  });
}
