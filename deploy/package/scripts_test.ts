import { strictEqual } from "node:assert/strict";
import { maintainerScripts } from "./scripts.ts";

/** In a mount namespace of its own, where `/run` is empty: two mounts that services have left, one with a file of the host in it. */
const REMOVE =
  `mount --make-rprivate / && kept=$(mktemp -d) && touch $kept/file && mount -t tmpfs none /run &&
mkdir -p /run/kuasar/driver-wasm /run/kuasar/storage/shared && mount -t tmpfs none /run/kuasar/driver-wasm &&
mkdir /run/kuasar/driver-wasm/below && mount --bind $kept /run/kuasar/driver-wasm/below &&
mount --bind $kept /run/kuasar/storage/shared && sh -c "$1" postrm remove && ! test -e /run/kuasar && ls $kept && rm -r $kept`;

Deno.test({
  name:
    "removal takes away what a service had mounted that was ended before it was done, and nothing of the host",
  ignore: Deno.uid() !== 0,
  fn: async () => {
    const { stdout, stderr } = await new Deno.Command("unshare", {
      args: ["--mount", "sh", "-c", REMOVE, "sh", maintainerScripts("kuasar", []).get("postrm")!],
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    strictEqual(text(stdout) + text(stderr), "file\n");
  },
});
