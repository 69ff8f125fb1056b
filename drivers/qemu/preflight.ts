import { KuasarError } from "../../lib/errors/mod.ts";
import type { StartRequest } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { ShareKind } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import type { Host } from "./host.ts";

/**
 * Checks that every file that a start needs is there, so that what is missing is told by its name and not by the
 * failure of some later step.
 *
 * @throws {KuasarError} FAILED_PRECONDITION
 */
export async function preflight(host: Host, request: StartRequest): Promise<void> {
  const { config } = host;
  const needed: [what: string, path: string, remedy: string][] = [
    ["QEMU (qemu_path)", config.qemuPath, "install qemu-system, or run `deno task setup`"],
    ["the guest kernel (kernel_path)", config.kernelPath, "build it with `deno task setup` or `just kernel`"],
  ];
  if (config.imagePath) needed.push(["the guest image (image_path)", config.imagePath, IMAGE_REMEDY]);
  if (config.initrdPath) needed.push(["the guest initrd (initrd_path)", config.initrdPath, IMAGE_REMEDY]);
  if (!host.kernelVsock) {
    needed.push([
      "vhost-device-vsock (vhost_device_vsock_path)",
      config.vhostDeviceVsockPath,
      "install vhost-device-vsock, run `deno task setup`, or load the module vhost_vsock",
    ]);
  }
  if (request.share?.kind === ShareKind.VIRTIOFS) {
    needed.push(["the socket of virtiofsd", request.share.socketPath, "create the share first"]);
  }
  if (request.share?.kind === ShareKind.NINEP) {
    needed.push(["the shared directory", request.share.hostDir, "create the share first"]);
  }
  const problems: string[] = [];
  for (const [what, path, remedy] of needed) {
    const problem = await problemWith(path);
    if (problem) problems.push(`${what} ${problem} (${remedy})`);
  }
  if (problems.length > 0) {
    throw new KuasarError("FAILED_PRECONDITION", `Cannot start a sandbox: ${problems.join("; ")}`);
  }
}

const IMAGE_REMEDY = "build it with `deno task setup` or `just image`";

async function problemWith(path: string): Promise<string | undefined> {
  if (!path) return "is not configured";
  try {
    // Never connect to look: virtiofsd serves a single connection.
    await Deno.stat(path);
    return undefined;
  } catch (error) {
    return error instanceof Deno.errors.NotFound
      ? `is missing: ${path} does not exist`
      : `cannot be read: ${(error as Error).message}`;
  }
}
