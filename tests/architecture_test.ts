import { deepStrictEqual } from "node:assert/strict";
import { root } from "./root.ts";

/** What the files of a folder may import from the repository, by prefix. The longest prefix that fits counts. */
const ARROWS: Record<string, readonly string[]> = {
  "lib/": ["lib/"],
  "services/": ["lib/", "services/<own>/"],
  "services/ctl/": [
    "lib/",
    "services/ctl/",
    "deploy/host/",
    "deploy/drivers.ts",
    "drivers/contract/deployment.ts",
  ],
  "drivers/": ["lib/", "drivers/contract/", "drivers/<own>/"],
  "guest/": [
    "lib/errors/",
    "lib/ttrpc/",
    "lib/proto/",
    "lib/oci/",
    "lib/netlink/",
    "lib/gvisor/",
    "lib/vsock/",
    "lib/cgroup_metrics/",
    "guest/",
  ],
  "guest/build.ts": ["lib/", "guest/", "deploy/host/"],
  "kernel/": ["lib/", "kernel/", "deploy/host/"],
  "image/": ["lib/", "image/", "guest/", "deploy/host/"],
  "deploy/": ["lib/", "deploy/", "kernel/", "image/", "guest/"],
  "deploy/drivers.ts": ["lib/", "drivers/"],
  "deploy/containerd/config.ts": ["deploy/", "drivers/contract/deployment.ts"],
  "deploy/demo.ts": [""],
  "tests/": [""],
};

/** Folders that also run under QuickJS: nothing of Deno, Node or the DOM there. */
const NEUTRAL = [
  "lib/netlink/",
  "lib/errors/",
  "lib/gvisor/",
  "lib/ttrpc/",
  "lib/oci/",
  "lib/proto/gen/",
  "lib/vsock/",
  "lib/cgroup_metrics/",
];

/** The one of them that is imported on its own. */
const DENO_SOCKET = "lib/netlink/deno_socket.ts";

/** Tests and build scripts run under Deno and may reach further. */
function isHostSide(path: string): boolean {
  return /(_test|_bench)\.ts$/.test(path) || path.includes("/testing/") || path.includes("/test/");
}

async function* sources(dir: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(`${root}/${dir}`)) {
    const path = dir ? `${dir}/${entry.name}` : entry.name;
    if (entry.isDirectory && !["build", "node_modules", ".git"].includes(entry.name)) yield* sources(path);
    else if (entry.isFile && path.endsWith(".ts") && !path.endsWith(".d.ts")) yield path;
  }
}

/** The repository paths that `text`, the source of `path`, imports. */
function imports(path: string, text: string): string[] {
  const found = [...text.matchAll(/(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g)].map((m) => m[1]!);
  return found.map((spec) => new URL(spec, `file:///${path}`).pathname.slice(1));
}

function allowed(path: string): readonly string[] {
  const prefix = Object.keys(ARROWS).filter((p) => path.startsWith(p)).sort((a, b) => b.length - a.length)[0];
  const own = path.split("/").slice(0, 2).join("/");
  return (prefix === undefined ? [] : ARROWS[prefix]!).map((p) => p.replace(/^\w+\/<own>/, own));
}

Deno.test("imports follow the arrows of docs/contributing.md", async () => {
  const wrong: string[] = [];
  for await (const path of sources("")) {
    if (isHostSide(path)) continue;
    const text = await Deno.readTextFile(`${root}/${path}`);
    for (const target of imports(path, text)) {
      if (!allowed(path).some((p) => target.startsWith(p))) wrong.push(`${path} imports ${target}`);
    }
  }
  deepStrictEqual(wrong, []);
});

Deno.test("what runs under QuickJS uses nothing of Deno or Node", async () => {
  const wrong: string[] = [];
  for await (const path of sources("lib")) {
    if (isHostSide(path) || path === DENO_SOCKET || !NEUTRAL.some((p) => path.startsWith(p))) continue;
    const text = (await Deno.readTextFile(`${root}/${path}`)).replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
    if (/\bDeno\./.test(text) || /from "node:/.test(text)) wrong.push(path);
  }
  deepStrictEqual(wrong, []);
});
