import { deepStrictEqual, ok } from "node:assert/strict";
import { cpio } from "./cpio.ts";
import type { Entry } from "./entry.ts";
import { guestTree } from "./tree.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function tree(): Entry[] {
  return guestTree({
    agent: bytes("agent"),
    busybox: { content: bytes("busybox"), origin: "busybox-static 1" },
    crun: [{ kind: "file", path: "usr/bin/crun", mode: 0o755, content: bytes("crun"), origin: "crun 1" }],
  });
}

Deno.test("every entry stands behind its directory, once", () => {
  const seen = new Set<string>();
  for (const { path } of tree()) {
    ok(!seen.has(path), `${path} is there twice`);
    const parent = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    ok(parent === "" || seen.has(parent), `${parent} comes after ${path}`);
    seen.add(path);
  }
});

Deno.test("the agent is init under every name that a kernel looks for", () => {
  const entries = new Map(tree().map((entry) => [entry.path, entry]));
  const resolve = (path: string): string => {
    const parts = path.split("/");
    for (let i = 1; i <= parts.length; i++) {
      const entry = entries.get(parts.slice(0, i).join("/"));
      if (entry?.kind === "link") return resolve([entry.target, ...parts.slice(i)].join("/"));
    }
    return path;
  };
  for (const path of ["init", "sbin/init"]) {
    const entry = entries.get(resolve(path));
    ok(entry?.kind === "file" && entry.mode === 0o755, path);
    deepStrictEqual(entry.content, bytes("agent"));
  }
});

Deno.test("the same parts give the same initrd", () => {
  deepStrictEqual(cpio(tree()), cpio(tree()));
});
