/** What a real containerd makes of a node's own configuration and our drop-in together. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { type ConfigVersion, handlerConfig } from "../../deploy/containerd/mod.ts";
import { allHandlers } from "../../deploy/drivers.ts";
import { inspectContainerd, tableAt } from "../../deploy/host/containerd.ts";
import { planDropIn } from "../../deploy/install/drop_in.ts";
import { nodePrograms } from "../../deploy/programs.ts";
import { comparing } from "./fixture.ts";

/** What kubeadm's guides have people write, in both versions. */
const CONFIGS: Record<string, string> = {
  "version 2": `version = 2
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/opt/own"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = true
`,
  "version 3": `version = 3
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ["/opt/own"]
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  SystemdCgroup = true
`,
};

for (const [name, config] of Object.entries(CONFIGS)) {
  Deno.test({
    name: `a containerd whose configuration has ${name} keeps it when it imports our drop-in`,
    ignore: comparing,
    fn: async () => {
      const dir = await Deno.makeTempDir({ prefix: "kdi-" });
      try {
        const [file, dropIn] = [`${dir}/config.toml`, `${dir}/kuasar.toml`];
        await Deno.writeTextFile(file, `imports = ["${dir}/k*.toml"]\n${config}`);
        const program = nodePrograms().containerd;
        const plan = planDropIn(await inspectContainerd(undefined, program, file), dropIn);
        strictEqual(plan.notes[0], `${file} imports ${dropIn} already`);
        const version = plan.version as ConfigVersion;
        const tables = handlerConfig("/run/kuasar/sandboxer.sock", undefined, "fifo", version);
        await Deno.writeTextFile(dropIn, `version = ${version}\n\n${tables}`);

        const { merged, failure } = await inspectContainerd(undefined, program, file);
        strictEqual(failure, undefined);
        const cri = tableAt(merged, "plugins", "io.containerd.cri.v1.runtime");
        const runtimes = tableAt(cri, "containerd", "runtimes");
        strictEqual(tableAt(runtimes, "runc", "options").SystemdCgroup, true);
        deepStrictEqual(tableAt(cri, "cni").bin_dirs, ["/opt/own"]);
        deepStrictEqual(Object.keys(runtimes).sort(), [...allHandlers(), "runc"].sort());
        for (const handler of allHandlers()) strictEqual(tableAt(runtimes, handler).sandboxer, "kuasar");
      } finally {
        await Deno.remove(dir, { recursive: true });
      }
    },
  });
}
