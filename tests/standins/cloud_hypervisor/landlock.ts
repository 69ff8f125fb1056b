import { ApiError } from "./api_error.ts";
import type { VmConfig } from "./vm_config.ts";

/**
 * What Landlock does to a path that is opened after the VM was made: only what a rule names, or what is below it, can be.
 *
 * @throws {ApiError} 500, as the open would fail
 */
export function checkLandlock(
  { landlock_enable: enabled, landlock_rules: rules = [] }: VmConfig,
  path: string | undefined,
): void {
  if (!enabled || path === undefined) return;
  const real = realPath(path);
  const allowed = rules.some((rule) => {
    const root = realPath(rule.path);
    return real === root || real.startsWith(root.endsWith("/") ? root : `${root}/`);
  });
  if (!allowed) throw new ApiError(500, "Error from API", `${path}: Permission denied (os error 13)`);
}

function realPath(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path;
  }
}
