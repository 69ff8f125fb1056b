/** How a sandbox ended. */
export interface SandboxExit {
  /** Exit code of its process, 128 + signal where one ended it, 255 where it cannot be known. */
  status: number;
  /** ms since 1970. */
  atMs: number;
  evidence: string[];
}
