/** Pods in slices of systemd, as a kubelet with `cgroupDriver: systemd` has them: run by runc_test.ts where systemd is the first process. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { cgroupPath } from "../../lib/cgroups/mod.ts";
import { useNode } from "../e2e/fixture.ts";

const node = useNode();
const MIB = 1 << 20;
const SLICE = "kubepods-besteffort-pod1234.slice";
const FOLDER = `/sys/fs/cgroup${cgroupPath(SLICE)}`;

async function run(...[command, ...args]: [string, ...string[]]): Promise<void> {
  const { code, stderr } = await new Deno.Command(command, { args }).output();
  strictEqual(code, 0, `${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

const setLimit = (bytes: number) =>
  run("systemctl", "set-property", "--runtime", SLICE, `MemoryMax=${bytes}`, "CPUWeight=50");

Deno.test({
  name: "a container in a slice keeps its limits, whatever systemd does with the slice",
  // The node outlives the test; what is left is systemd's, which makes cgroups of its own.
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    await run("systemctl", "start", SLICE);
    await setLimit(200 * MIB);
    const pod = await node().runPod({ name: "slice", cgroupParent: SLICE });
    const container = await pod.run({
      name: "c",
      image: await node().image("busybox"),
      command: ["sleep", "1000"],
      memoryLimitBytes: 64 * MIB,
    });
    const folder = `${FOLDER}/kuasar_${pod.id}/${container.id}`;
    const holds = async (after: string, sliceMax: number) => {
      const read = (path: string) => Number(Deno.readTextFileSync(path));
      deepStrictEqual(
        [read(`${FOLDER}/memory.max`), read(`${folder}/memory.max`)],
        [sliceMax, 64 * MIB],
        after,
      );
      ok((await container.stats()).memory!.workingSetBytes!.value > 0n, after);
    };
    await holds("the start", 200 * MIB);
    await run("systemctl", "daemon-reload");
    await holds("daemon-reload", 200 * MIB);
    await setLimit(150 * MIB);
    await holds("set-property", 150 * MIB);
    await run("systemd-run", "--unit=beside", `--slice=${SLICE}`, "sleep", "1000");
    await run("systemctl", "stop", "beside.service");
    await holds("a unit that came and went", 150 * MIB);
    await run("systemctl", "daemon-reexec");
    await holds("daemon-reexec", 150 * MIB);
    await pod.remove();
    deepStrictEqual([...Deno.readDirSync(FOLDER)].filter(({ isDirectory }) => isDirectory), []);
    // As a kubelet does when the pod is gone.
    await run("systemctl", "stop", SLICE);
  },
});
