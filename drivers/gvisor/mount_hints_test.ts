import { deepStrictEqual, throws } from "node:assert/strict";
import { hintAnnotations, hinted, mountHints } from "./mount_hints.ts";

const P = "dev.gvisor.spec.mount.";

Deno.test("a hint names its source, or a volume of the kubelet's", async () => {
  const dir = await Deno.makeTempDir();
  try {
    Deno.mkdirSync(`${dir}/kubernetes.io~empty-dir/cache`, { recursive: true });
    Deno.mkdirSync(`${dir}/kubernetes.io~secret/keys`, { recursive: true });
    const hints = mountHints({
      other: "x",
      [`${P}cache.type`]: "tmpfs",
      [`${P}cache.share`]: "pod",
      [`${P}my-data.source`]: "/data",
      [`${P}my-data.type`]: "bind",
      [`${P}my-data.share`]: "container",
      [`${P}my-data.options`]: "rw,noatime",
    }, dir);
    deepStrictEqual(hintAnnotations(hints), {
      [`${P}cache.source`]: `${dir}/kubernetes.io~empty-dir/cache`,
      [`${P}cache.type`]: "tmpfs",
      [`${P}cache.share`]: "pod",
      [`${P}my-data.source`]: "/data",
      [`${P}my-data.type`]: "bind",
      [`${P}my-data.share`]: "container",
      [`${P}my-data.options`]: "rw,noatime",
    });
    const source = `${dir}/kubernetes.io~empty-dir/cache`;
    const mount = { destination: "/c", type: "bind", source, options: ["rbind", "ro"] };
    deepStrictEqual(hinted(mount, hints), { destination: "/c", type: "tmpfs", source, options: ["ro"] });
    deepStrictEqual(hinted({ ...mount, source: "/data" }, hints), { ...mount, source: "/data" });
    // Whatever name leads there.
    Deno.symlinkSync(dir, `${dir}/link`);
    const linked = `${dir}/link/kubernetes.io~empty-dir/cache`;
    deepStrictEqual(hinted({ ...mount, source: linked }, hints), {
      ...mount,
      type: "tmpfs",
      options: ["ro"],
    });
    Deno.mkdirSync(`${source}/sub`);
    throws(() => hinted({ ...mount, source: `${linked}/sub` }, hints), {
      code: "FAILED_PRECONDITION",
      message: /sub at \/c: it is a part of the volume cache, which the pod calls its own/,
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

for (
  const [what, annotations, message] of [
    ["an unknown key", { [`${P}a.color`]: "red" }, /no such hint, current value is "red"/],
    ["no name", { [`${P}type`]: "tmpfs" }, /no such hint/],
    ["a name with a dot", { [`${P}my.data.type`]: "bind" }, /no such hint/],
    ["another type", { [`${P}a.type`]: "nfs" }, /a\.type: it must match/],
    ["no share", { [`${P}a.type`]: "tmpfs" }, /has a type and a share/],
    ["the pod's shared memory", { [`${P}shm.type`]: "bind" }, /no such hint/],
    ["a relative source", { [`${P}a.source`]: "x" }, /must match/],
    ["options with other words", { [`${P}a.options`]: "rw data" }, /must match/],
    ["no such volume", { [`${P}a.type`]: "bind", [`${P}a.share`]: "pod" }, /no such volume in \/none/],
    ["a volume elsewhere", { [`${P}...type`]: "bind", [`${P}...share`]: "pod" }, /no such hint/],
  ] as const
) {
  Deno.test(`a hint with ${what} is refused`, () => {
    throws(() => mountHints(annotations, "/none"), { code: "INVALID_ARGUMENT", message });
  });
}
