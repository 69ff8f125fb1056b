/** What `install` has written down beside the programs, for `kuasar-ctl check`. */
export interface Installation {
  runDir: string;
  /** containerd's configuration is below it. */
  etcDir: string;
  /** The handlers, for containerd to import. */
  dropIn: string;
  /** The command of each service, by the name of its unit without its ending. */
  services: Readonly<Record<string, readonly string[]>>;
}

/** Of the installation that this program belongs to; undefined in a checkout. */
export function readInstallation(): Installation | undefined {
  try {
    return JSON.parse(Deno.readTextFileSync(new URL("layout.json", import.meta.url)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
