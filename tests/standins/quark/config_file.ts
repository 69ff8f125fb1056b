/** Every key of `/etc/quark/config.json` that the program cannot do without, with the type of its value. */
const MANDATORY: Readonly<Record<string, "string" | "number" | "boolean">> = {
  DebugLevel: "string",
  KernelMemSize: "number",
  LogType: "string",
  LogLevel: "string",
  CudaMemType: "string",
  UringIO: "boolean",
  UringFixedFile: "boolean",
  EnableAIO: "boolean",
  PrintException: "boolean",
  KernelPagetable: "boolean",
  PerfDebug: "boolean",
  UringStatx: "boolean",
  FileBufWrite: "boolean",
  MmapRead: "boolean",
  AsyncAccept: "boolean",
  EnableRDMA: "boolean",
  RDMAPort: "number",
  PerSandboxLog: "boolean",
  ReserveCpuCount: "number",
  ShimMode: "boolean",
  EnableInotify: "boolean",
  ReaddirCache: "boolean",
  HiberODirect: "boolean",
  DisableCgroup: "boolean",
  CopyDataWithPf: "boolean",
  TlbShootdownWait: "boolean",
  Realtime: "boolean",
  EnableIOBuf: "boolean",
  EnableTsot: "boolean",
  CCMode: "string",
};

/** A configuration that makes the program panic. */
export class ConfigPanic extends Error {}

/** What the program makes of its configuration. */
export interface QuarkConfig {
  sandboxed: boolean;
  shimMode: boolean;
}

/**
 * Reads the configuration as the program does: as a whole, or not at all.
 *
 * @param text undefined where there is no file, which means its defaults
 * @throws ConfigPanic
 */
export function readQuarkConfig(text: string | undefined): QuarkConfig {
  if (text === undefined) return { sandboxed: false, shimMode: false };
  let values: unknown;
  try {
    values = JSON.parse(text);
  } catch (error) {
    throw new ConfigPanic(`configuration wrong format: ${(error as Error).message}`);
  }
  if (typeof values !== "object" || values === null) throw new ConfigPanic("configuration wrong format");
  const config = values as Record<string, unknown>;
  for (const [key, type] of Object.entries(MANDATORY)) {
    if (!(key in config)) throw new ConfigPanic(`configuration wrong format: missing field \`${key}\``);
    const found: string = typeof config[key];
    if (found !== type) {
      throw new ConfigPanic(`configuration wrong format: invalid type of \`${key}\``);
    }
  }
  return { sandboxed: config.Sandboxed === true, shimMode: config.ShimMode === true };
}
