/** What systemd knows of a unit. */
export interface UnitState {
  /** `loaded`, `masked`, `not-found` */
  load: string;
  /** `active`, `inactive`, `failed`, ... */
  active: string;
  /** `enabled`, `disabled`, ... */
  file: string;
}

/** The states of units by their names; undefined where no systemd runs. */
export async function unitStates(names: readonly string[]): Promise<Map<string, UnitState> | undefined> {
  try {
    const args = ["show", "--property=Id,LoadState,ActiveState,UnitFileState", "--", ...names];
    const { success, stdout } = await new Deno.Command("systemctl", { args, stdin: "null", stderr: "null" })
      .output();
    return success ? parseUnitStates(names, new TextDecoder().decode(stdout)) : undefined;
  } catch {
    // There is no systemctl.
    return undefined;
  }
}

/** Reads what `systemctl show` prints of several units: a block of lines each, in the order in which they were asked for. */
export function parseUnitStates(names: readonly string[], text: string): Map<string, UnitState> {
  const blocks = text.trim().split("\n\n").map((block) =>
    Object.fromEntries(
      block.split("\n").map((line) => {
        const at = line.indexOf("=");
        return [line.slice(0, at), line.slice(at + 1)];
      }),
    )
  );
  return new Map(names.map((name, index) => {
    const { LoadState: load = "", ActiveState: active = "", UnitFileState: file = "" } = blocks[index] ?? {};
    return [name, { load, active, file }];
  }));
}
