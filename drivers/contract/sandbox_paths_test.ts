import { strictEqual } from "node:assert/strict";
import { sandboxPaths } from "./sandbox_paths.ts";

const QEMU = { controlSocket: "qmp.sock", ownSockets: false };

Deno.test("what a VMM finds by name is apart from the driver's files, but of VMs of earlier drivers", async () => {
  const driverDir = await Deno.makeTempDir();
  try {
    strictEqual(sandboxPaths(driverDir, "new", QEMU).vsock, `${driverDir}/new/vm/vm.vsock`);
    strictEqual(sandboxPaths(driverDir, "new", QEMU).monitor, `${driverDir}/new/qmp.sock`);
    strictEqual(
      sandboxPaths(driverDir, "new", { ...QEMU, ownSockets: true }).monitor,
      `${driverDir}/new/vm/qmp.sock`,
    );
    await Deno.mkdir(`${driverDir}/old`);
    strictEqual(sandboxPaths(driverDir, "old", QEMU).vsock, `${driverDir}/old/vm.vsock`);
    await Deno.mkdir(`${driverDir}/running/vm`, { recursive: true });
    strictEqual(sandboxPaths(driverDir, "running", QEMU).vsock, `${driverDir}/running/vm/vm.vsock`);
  } finally {
    await Deno.remove(driverDir, { recursive: true });
  }
});

Deno.test("the longest id has room for the sockets of every driver in /run/kuasar", () => {
  for (const dir of ["driver-qemu", "driver-clh", "driver-fc", "driver-sv"]) {
    for (const ownSockets of [true, false]) {
      sandboxPaths(`/run/kuasar/${dir}`, "a".repeat(64), { controlSocket: "api.sock", ownSockets });
    }
  }
});
