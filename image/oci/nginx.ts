import type { Entry } from "../entry.ts";
import { ociImage } from "./layout.ts";

/** The name under which containerd knows the image. */
const NGINX = "docker.io/library/nginx:kuasar";

/** What the server answers on port 80. */
export const GREETING = "nginx in a Kuasar pod\n";

const CONFIG = `daemon off;
worker_processes 1;
error_log /dev/stderr notice;
pid /run/nginx.pid;
events { worker_connections 256; }
http {
  access_log /dev/stdout;
  server {
    listen 80 default_server;
    listen [::]:80 default_server;
    root /var/www/html;
  }
}
`;

/** Files of a Debian tree that no container needs. */
const LEFT_OUT = /^usr\/share\/(doc|man|locale|info|lintian|bash-completion)\//;

/** Reads a directory tree as entries in order of their paths. */
async function* entriesBelow(dir: string, prefix = ""): AsyncGenerator<Entry> {
  const names: string[] = [];
  for await (const entry of Deno.readDir(`${dir}/${prefix}`)) names.push(entry.name);
  for (const name of names.sort()) {
    const path = prefix + name;
    if (LEFT_OUT.test(`${path}/`)) continue;
    const info = await Deno.lstat(`${dir}/${path}`);
    const common = { path, mode: (info.mode ?? 0) & 0o7777, origin: "debian" };
    if (info.isSymlink) {
      yield { ...common, kind: "link", mode: 0o777, target: await Deno.readLink(`${dir}/${path}`) };
    } else if (info.isFile) yield { ...common, kind: "file", content: await Deno.readFile(`${dir}/${path}`) };
    else if (info.isDirectory) {
      yield { ...common, kind: "directory" };
      yield* entriesBelow(dir, `${path}/`);
    }
  }
}

/**
 * A web server on Debian's own files.
 *
 * @param dir the unpacked packages of nginx and all that they need; files are added to it
 */
export async function nginxImage(dir: string): Promise<Uint8Array<ArrayBuffer>> {
  for (
    const path of [
      "run",
      "var/log/nginx",
      "var/lib/nginx",
      "var/www/html",
      "etc/nginx",
      "tmp",
      "proc",
      "sys",
      "dev",
    ]
  ) {
    await Deno.mkdir(`${dir}/${path}`, { recursive: true });
  }
  await Deno.writeTextFile(`${dir}/etc/nginx/nginx.conf`, CONFIG);
  await Deno.writeTextFile(`${dir}/var/www/html/index.html`, GREETING);
  await Deno.writeTextFile(
    `${dir}/etc/passwd`,
    "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
  );
  await Deno.writeTextFile(`${dir}/etc/group`, "root:x:0:\nnogroup:x:65534:\n");
  const entries: Entry[] = [];
  for await (const entry of entriesBelow(dir)) entries.push(entry);
  return ociImage(NGINX, entries, {
    Entrypoint: ["/usr/sbin/nginx"],
    Env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
    ExposedPorts: { "80/tcp": {} },
    StopSignal: "SIGQUIT",
  });
}
