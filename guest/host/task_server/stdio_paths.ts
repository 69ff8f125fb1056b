import type { StdioPaths } from "../stdio.ts";

/** One of containerd's FIFOs and where the sandbox finds it. */
export interface SandboxFifo {
  /** containerd's. */
  source: string;
  /** On the host, below the sandbox's bundle. */
  target: string;
}

/** The stdio of a process as its sandbox sees it. */
export interface SandboxStdio {
  fifos: SandboxFifo[];
  /** For the request. */
  paths: StdioPaths;
}

/**
 * Where the FIFOs of a process go: below the container's bundle, which inside is `/<container>`.
 *
 * @param bundle of the container on the host
 * @param exec empty for the init
 */
export function stdioIn(bundle: string, container: string, exec: string, paths: StdioPaths): SandboxStdio {
  const fifos: SandboxFifo[] = [];
  const inside = { ...paths };
  for (const name of ["stdin", "stdout", "stderr"] as const) {
    // A terminal has no stderr, though containerd may name one.
    if (name === "stderr" && paths.terminal) inside.stderr = "";
    if (inside[name] === "") continue;
    const file = exec === "" ? name : `${exec}-${name}`;
    fifos.push({ source: paths[name], target: `${bundle}/${file}` });
    inside[name] = `/${container}/${file}`;
  }
  return { fifos, paths: inside };
}
