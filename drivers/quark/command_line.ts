/** What a sandbox of Quark's is started with. */
export interface QuarkSandbox {
  id: string;
  /** Directory that becomes the sandbox's root; quark must be started in it. */
  bundle: string;
  taskSocket: string;
  pidFile: string;
}

/** The arguments of `quark` for a sandbox. */
export function sandboxArgs({ id, bundle, taskSocket, pidFile }: QuarkSandbox): string[] {
  return ["-r", bundle, "sandbox", "--id", id, "--task-socket", taskSocket, "--pid-file", pidFile];
}

/**
 * The pid in the file that quark has written. It does not truncate the file, so whatever was there before must have been removed.
 *
 * @returns undefined for anything else than a number
 */
export function pidIn(text: string): number | undefined {
  return /^[1-9]\d{0,9}\s*$/.test(text) ? Number(text) : undefined;
}
