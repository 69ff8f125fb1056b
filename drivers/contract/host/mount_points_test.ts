import { throws } from "node:assert/strict";
import type { Mount } from "../../../lib/oci/mod.ts";
import { checkMountPoints } from "./mount_points.ts";

Deno.test("no mount point is made in a read-only volume", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${dir}/volume/inner`, { recursive: true });
    await Deno.symlink("inner", `${dir}/volume/link`);
    await Deno.symlink("/none", `${dir}/volume/dangling`);
    const bind = (destination: string, ...options: string[]): Mount => ({
      destination,
      type: "bind",
      source: `${dir}/volume`,
      options: ["rbind", ...options],
    });
    const proc: Mount = { destination: "/proc", type: "proc", source: "proc" };
    for (const place of ["/v/inner", "/v//inner/", "/v/link", "/vv/none"]) {
      checkMountPoints([proc, bind("/v", "ro"), bind(place)]);
    }
    checkMountPoints([bind("/v", "rw"), bind("/v/none")]);
    // The one that is made last is what is there.
    checkMountPoints([bind("/v", "ro"), bind("/v/inner", "rw"), bind("/v/inner/none")]);
    for (const place of ["/v/none", "/v/dangling", "/v/inner/deep"]) {
      throws(() => checkMountPoints([proc, bind("/v", "ro"), bind(place)]), {
        code: "FAILED_PRECONDITION",
        message: /the read-only volume at \/v has nothing there/,
      });
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
