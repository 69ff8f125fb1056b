import { greeted, V8_FLAGS } from "../supervisor/mod.ts";

/** Flags of Deno for every program of ours: nothing is fetched, and no deno.json beside the program counts. */
const DENO_FLAGS = [
  "--allow-all",
  "--no-check",
  "--quiet",
  "--no-config",
  "--no-remote",
  "--unstable-vsock",
  `--v8-flags=${V8_FLAGS}`,
];

/**
 * The command in `bin`: becomes the program, so that a process manager sees one process.
 *
 * @param lib folder of deno, the agent and the program
 */
export function launcher(lib: string, program: string, cacheDir: string): string {
  const command = greeted(`${lib}/agent`, program, [
    `${lib}/deno`,
    "run",
    ...DENO_FLAGS,
    `${lib}/${program}.mjs`,
  ]);
  return `#!/bin/sh
: "\${MALLOC_ARENA_MAX:=1}" "\${DENO_DIR:=${cacheDir}}"
export MALLOC_ARENA_MAX DENO_DIR DENO_NO_UPDATE_CHECK=1
exec ${command.join(" ")} "$@"
`;
}
