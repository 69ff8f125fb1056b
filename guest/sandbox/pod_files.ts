import { KuasarError } from "../../lib/errors/mod.ts";
import type { PodFile } from "../../lib/proto/gen/grpc/sandbox.ts";
import * as sys from "../native/sys.js";

/** Where the pod's files are, also for the containers' mounts. */
const POD_DIRECTORY = "/run/kuasar/pod";
const NAMES = ["hostname", "hosts", "resolv.conf"];
const MAX_BYTES = 1 << 20;

/** @throws INVALID_ARGUMENT for a file that no pod has, or a huge one */
function checkPodFiles(files: readonly PodFile[]): void {
  for (const { name, content } of files) {
    if (!NAMES.includes(name)) {
      throw new KuasarError(
        "INVALID_ARGUMENT",
        `Cannot write the pod's file ${JSON.stringify(name)}: only ${NAMES.join(", ")}`,
      );
    }
    if (content.length > MAX_BYTES) {
      throw new KuasarError(
        "INVALID_ARGUMENT",
        `Cannot write the pod's file ${name}: ${content.length} bytes`,
      );
    }
  }
}

/** Writes the pod's files; the guest's own /etc links to them, and containers bind them, so that all of them are there. */
export function writePodFiles(files: readonly PodFile[]): void {
  checkPodFiles(files);
  sys.mkdirAll(POD_DIRECTORY);
  for (const { name, content } of files) sys.writeFile(`${POD_DIRECTORY}/${name}`, content);
  for (const name of NAMES) {
    if (!sys.exists(`${POD_DIRECTORY}/${name}`)) sys.writeFile(`${POD_DIRECTORY}/${name}`, "");
  }
}
