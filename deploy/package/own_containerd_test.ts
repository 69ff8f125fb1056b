import { match } from "node:assert/strict";
import { ownContainerdUnit } from "./own_containerd.ts";

Deno.test("systemd ends no containerd that takes its time to look at the pods of before a boot", () => {
  match(ownContainerdUnit("/usr/lib/kuasar/programs"), /^TimeoutStartSec=infinity$/m);
});
