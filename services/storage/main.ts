import { serveGrpc } from "../../lib/grpc/mod.ts";
import { LogKeeper } from "../../lib/log/mod.ts";
import { dropOwnMount, makeOwnMount } from "../../lib/mounts/mod.ts";
import { exitWatcher } from "../../lib/process/mod.ts";
import { StorageDefinition } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { runService } from "../../lib/service/mod.ts";
import { recover } from "./recovery.ts";
import { storageHandlers } from "./service.ts";
import { ImageStore } from "./block/image_store.ts";
import { imageDir, storageDir } from "./paths.ts";
import { storageCheck } from "./self_check.ts";
import { storageSettings } from "./settings.ts";
import { openState } from "./state.ts";

if (import.meta.main) {
  await runService({
    name: "kuasar-storage",
    summary: "shared directories of sandboxes, and the rootfs and volumes of their containers",
    flags: {
      "virtiofsd": {
        kind: "string",
        placeholder: "FILE",
        help: "The virtiofsd program, over the configuration's",
      },
      "mkfs-erofs": {
        kind: "string",
        placeholder: "FILE",
        help: "The mkfs.erofs program, over the configuration's",
      },
      "image-dir": {
        kind: "string",
        placeholder: "DIR",
        help: "Where disks of containers are kept, over the configuration's",
      },
    },
    examples: [{
      command: "kuasar-storage --run-dir /run/kuasar --virtiofsd /usr/libexec/virtiofsd",
      does: "Serve on /run/kuasar/storage.sock",
    }],
    async run({ runDir: givenDir, configFile, flags, log, onStop, report }) {
      const { virtiofsd, block } = storageSettings(configFile, {
        virtiofsd: flags.virtiofsd,
        mkfsErofs: flags["mkfs-erofs"],
        imageDir: flags["image-dir"],
      });
      if (report) return report(await storageCheck(virtiofsd, block));
      // Mounts are compared by path, and the kernel shows paths without symbolic links.
      const runDir = Deno.realPathSync(givenDir);
      makeOwnMount(storageDir(runDir));
      onStop("give the directory back", () => dropOwnMount(storageDir(runDir)));
      const state = openState(runDir);
      onStop("close the state", () => state.close());
      const environment = {
        runDir,
        state,
        virtiofsd,
        block,
        images: new ImageStore(block.image_dir || imageDir(runDir), block.cache_mib),
        watcher: exitWatcher(),
        log,
        logKeeper: new LogKeeper(),
      };
      const { adopted, undone, leftovers } = await recover(environment);
      log.info("Recovered", { adopted, undone, leftovers: leftovers.length });
      for (const { step, error } of leftovers) {
        log.error("Recovery left something over", { step, error, evidence: error.evidence });
      }
      const server = await serveGrpc({
        address: `${runDir}/storage.sock`,
        services: [[StorageDefinition, storageHandlers(environment)]],
        fdName: "storage",
      });
      onStop("stop serving", () => server.close());
    },
  });
}
