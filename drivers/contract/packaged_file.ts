import { isFile } from "../../lib/files/mod.ts";

/** Where packages put drivers' configurations, and what a guest boots from. */
export const SHARE_DIR = "/var/lib/kuasar";

/** A file of {@link SHARE_DIR} where it exists, for a driver that was given no configuration file. */
export function packagedFile(name: string): string | undefined {
  const path = `${SHARE_DIR}/${name}`;
  return isFile(path) ? path : undefined;
}
