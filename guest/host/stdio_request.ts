import type { SandboxLink } from "./sandbox_link.ts";
import type { StdioPaths } from "./stdio.ts";

/** The stdio of a request to a sandbox. In a guest the fields are no paths: what is not empty is wanted. */
export function streamsFor(link: SandboxLink, paths: StdioPaths): StdioPaths {
  if (link.local) return paths;
  const { stdin, stdout, stderr, terminal } = paths;
  const flag = (path: string) => (path === "" ? "" : "1");
  return { stdin: flag(stdin), stdout: flag(stdout), stderr: terminal ? "" : flag(stderr), terminal };
}
