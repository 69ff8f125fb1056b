import { rejects, strictEqual, throws } from "node:assert/strict";
import { closeFd, listenUnixFd } from "../../../lib/libc/mod.ts";
import { ShareKind } from "../../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { checkNic, checkPmem, checkShare, vfioPath } from "./device_rules.ts";

const ADDRESS = "0000:03:00.0";

Deno.test("a PCI device may be given to a VM when vfio-pci has it", async () => {
  const devices = await Deno.makeTempDir();
  try {
    await rejects(vfioPath(ADDRESS, devices), { code: "NOT_FOUND" });
    await Deno.mkdir(`${devices}/${ADDRESS}`);
    await rejects(vfioPath(ADDRESS, devices), { code: "FAILED_PRECONDITION", message: /no IOMMU/ });
    const other = `${devices}/${ADDRESS}/iommu_group/devices/0000:03:00.1`;
    await Deno.mkdir(other, { recursive: true });
    await rejects(vfioPath(ADDRESS, devices), { code: "FAILED_PRECONDITION", message: /bound to no driver/ });
    await Deno.symlink("../drivers/e1000", `${devices}/${ADDRESS}/driver`);
    await rejects(vfioPath(ADDRESS, devices), { code: "FAILED_PRECONDITION", message: /bound to e1000/ });
    await Deno.remove(`${devices}/${ADDRESS}/driver`);
    await Deno.symlink("../drivers/vfio-pci", `${devices}/${ADDRESS}/driver`);
    strictEqual(await vfioPath(ADDRESS, devices), `${devices}/${ADDRESS}/`);
    await Deno.symlink("../drivers/snd_hda_intel", `${other}/driver`);
    await rejects(vfioPath(ADDRESS, devices), {
      code: "FAILED_PRECONDITION",
      message: /0000:03:00.1 of the same IOMMU group is bound to snd_hda_intel/,
    });
  } finally {
    await Deno.remove(devices, { recursive: true });
  }
});

for (const address of ["", "03:00.0", "0000:03:00.8", "0000:03:20.0", "../0000:03:00.0", "0000:03:00.0/"]) {
  Deno.test(`${JSON.stringify(address)} is no PCI address`, async () => {
    await rejects(vfioPath(address), { code: "INVALID_ARGUMENT" });
  });
}

Deno.test("pmem is a file of whole 2 MiB", async () => {
  const path = await Deno.makeTempFile();
  try {
    await rejects(checkPmem(path), { code: "INVALID_ARGUMENT" });
    await Deno.truncate(path, (2 << 20) + 512);
    await rejects(checkPmem(path), { code: "INVALID_ARGUMENT" });
    await Deno.truncate(path, 4 << 20);
    await checkPmem(path);
    await rejects(checkPmem("relative"), { code: "INVALID_ARGUMENT" });
    await rejects(checkPmem("/dev/null"), { code: "INVALID_ARGUMENT" });
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("shares and NICs are checked before the VMM sees them", async () => {
  const share = { kind: ShareKind.VIRTIOFS, tag: "t", hostDir: "", socketPath: "/dev/null", guestDir: "" };
  await rejects(checkShare({ ...share, kind: ShareKind.NINEP }), { code: "INVALID_ARGUMENT" });
  await rejects(checkShare({ ...share, tag: "" }), { code: "INVALID_ARGUMENT" });
  await rejects(checkShare({ ...share, tag: "x".repeat(37) }), { code: "INVALID_ARGUMENT" });
  await rejects(checkShare(share), { code: "INVALID_ARGUMENT" });
  await rejects(checkShare({ ...share, socketPath: "/nonexistent" }), { code: "NOT_FOUND" });
  const dir = await Deno.makeTempDir();
  const socketPath = `${dir}/fs.sock`;
  const daemon = listenUnixFd(socketPath);
  try {
    await checkShare({ ...share, socketPath });
  } finally {
    closeFd(daemon);
  }
  await rejects(checkShare({ ...share, socketPath }), {
    code: "FAILED_PRECONDITION",
    message: /nobody listens/,
  });
  await Deno.remove(dir, { recursive: true });
  throws(() => checkNic({ tap: "t", netnsPath: "", mac: "no", mtu: 0, queues: 1, link: "" }), {
    code: "INVALID_ARGUMENT",
  });
});
