import { deepStrictEqual } from "node:assert/strict";
import { parseMountinfo } from "../../../lib/mounts/mod.ts";
import { privateMounts } from "./private_mounts.ts";

const HYBRID = parseMountinfo(`33 31 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
`);
const V2 = parseMountinfo("30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
const some = () => "hugetlb\n";

Deno.test("crun does not see a second version of cgroups that has a controller", () => {
  deepStrictEqual(privateMounts("crun 1.21", HYBRID, some), ["scratch:/sys/fs/cgroup/unified"]);
});

Deno.test("whatever else is left as it is", () => {
  deepStrictEqual(privateMounts("crun 1.21", HYBRID, () => ""), []);
  deepStrictEqual(privateMounts("crun 1.21", V2, some), []);
  deepStrictEqual(privateMounts("runc 1.3.6", HYBRID, some), []);
  deepStrictEqual(privateMounts("", HYBRID, some), []);
});
