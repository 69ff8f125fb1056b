import { KuasarError } from "../errors/mod.ts";

const ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;

/** Whether a name may be the id of a sandbox, container or exec. */
export function isId(name: string): boolean {
  return ID.test(name);
}

/**
 * Checks the id of a sandbox, container or exec, which becomes part of file names.
 *
 * @param what names it in the error ("container id")
 * @returns the id
 * @throws INVALID_ARGUMENT where it could leave its directory or is too long
 */
export function checkId(id: string, what: string): string {
  if (!isId(id)) {
    const shown = JSON.stringify(id.slice(0, 60));
    throw new KuasarError("INVALID_ARGUMENT", `Cannot use ${what} ${shown}: it must match ${ID.source}`);
  }
  return id;
}
