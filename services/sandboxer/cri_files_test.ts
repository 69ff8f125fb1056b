import { strictEqual } from "node:assert/strict";
import { criDirOf, removeCriFiles, writeCriFiles } from "./cri_files.ts";

Deno.test("the pod's files go where the CRI plugin looks for them", () => {
  const root = Deno.makeTempDirSync();
  try {
    Deno.mkdirSync(`${root}/bundle`);
    strictEqual(criDirOf(`${root}/bundle`, "s1"), "");
    Deno.symlinkSync(`${root}/io.containerd.runtime.v2.task/k8s.io/s1`, `${root}/bundle/work`);
    const dir = criDirOf(`${root}/bundle`, "s1");
    strictEqual(dir, `${root}/io.containerd.grpc.v1.cri/sandboxes/s1`);
    for (let times = 0; times < 2; times++) {
      writeCriFiles(dir, [{ name: "hosts", content: new TextEncoder().encode("127.0.0.1\tlocalhost\n") }]);
      strictEqual(Deno.readTextFileSync(`${dir}/hosts`), "127.0.0.1\tlocalhost\n");
    }
    for (let times = 0; times < 2; times++) removeCriFiles(dir);
    strictEqual([...Deno.readDirSync(`${root}/io.containerd.grpc.v1.cri/sandboxes`)].length, 0);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test("a bundle that leads elsewhere has no place for files", () => {
  const bundle = Deno.makeTempDirSync();
  try {
    Deno.symlinkSync("/var/tmp", `${bundle}/work`);
    strictEqual(criDirOf(bundle, "s1"), "");
  } finally {
    Deno.removeSync(bundle, { recursive: true });
  }
});
