/** Every key without which quark panics when it reads its configuration. */
export const MANDATORY: readonly string[] = [
  "DebugLevel",
  "KernelMemSize",
  "LogType",
  "LogLevel",
  "CudaMemType",
  "UringIO",
  "UringFixedFile",
  "EnableAIO",
  "PrintException",
  "KernelPagetable",
  "PerfDebug",
  "UringStatx",
  "FileBufWrite",
  "MmapRead",
  "AsyncAccept",
  "EnableRDMA",
  "RDMAPort",
  "PerSandboxLog",
  "ReserveCpuCount",
  "ShimMode",
  "EnableInotify",
  "ReaddirCache",
  "HiberODirect",
  "DisableCgroup",
  "CopyDataWithPf",
  "TlbShootdownWait",
  "Realtime",
  "EnableIOBuf",
  "EnableTsot",
  "CCMode",
];

/**
 * What keeps quark from serving sandboxes with this configuration. It says nothing itself: it ends with a code, and its log has
 * the reason at best.
 *
 * @param text of `config.json`; undefined where there is none, which means defaults that are for containers alone
 * @returns for a message; undefined where all is well
 */
export function configProblem(text: string | undefined): string | undefined {
  if (text === undefined) return 'is missing; quark then has "Sandboxed" off';
  let values: unknown;
  try {
    values = JSON.parse(text);
  } catch (error) {
    return `is no JSON: ${(error as Error).message}`;
  }
  if (typeof values !== "object" || values === null || Array.isArray(values)) return "holds no object";
  const config = values as Record<string, unknown>;
  const missing = MANDATORY.filter((key) => !(key in config));
  if (missing.length > 0) return `lacks ${missing.join(", ")}, without which quark panics`;
  if (config.Sandboxed !== true) return 'has no "Sandboxed": true';
  if (config.ShimMode !== false) return 'has no "ShimMode": false';
  return undefined;
}
