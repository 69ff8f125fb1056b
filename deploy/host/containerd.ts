import { parse } from "@std/toml";
import { findOnPath, isFile } from "../../lib/files/mod.ts";
import { askVersion, versionIn } from "../../lib/process/mod.ts";

/** A containerd of this host, as it is started. */
export interface HostContainerd {
  /** The unit that starts it; undefined for one that was found on the PATH. */
  unit: string | undefined;
  program: string;
  /** Undefined where it does not tell. */
  version: string | undefined;
  configFile: string;
  /** `version` of the configuration file, 1 where it says none; undefined where there is no file, or one that is no TOML. */
  configVersion: number | undefined;
  /** What containerd makes of the file and all that it imports, in its newest form; undefined where it fails to. */
  merged: Table | undefined;
  /** What it says where it fails to. */
  failure: string | undefined;
}

/** A table of TOML. */
export type Table = { readonly [key: string]: unknown };

/** The table at a path of keys; empty where there is none. */
export function tableAt(table: Table | undefined, ...keys: readonly string[]): Table {
  const found = keys.reduce<unknown>((at, key) => (at as Table | undefined)?.[key], table);
  return typeof found === "object" && found !== null ? found as Table : {};
}

/** Units that may run one: the usual one, and that of our package kuasar-programs. */
const UNITS = ["containerd.service", "kuasar-containerd.service"];

/** It reads its files and prints; on a busy host that takes a while. */
const DUMP_TIMEOUT_MS = 60_000;

/**
 * Looks for every containerd of this host.
 *
 * @param etcDir the configuration file is `containerd/config.toml` below it where no unit says otherwise
 */
export async function hostContainerds(etcDir = "/etc"): Promise<HostContainerd[]> {
  const usual = `${etcDir}/containerd/config.toml`;
  const started = (await Promise.all(UNITS.map(async (unit) => ({ unit, command: await commandOf(unit) }))))
    .filter(({ command }) => command.length > 0);
  const found = started.map(({ unit, command }) =>
    inspectContainerd(unit, command[0]!, configOf(command) ?? usual)
  );
  if (found.length > 0) return await Promise.all(found);
  const program = findOnPath("containerd") ??
    ["/usr/local/bin/containerd", "/usr/bin/containerd"].find(isFile);
  return program === undefined ? [] : [await inspectContainerd(undefined, program, usual)];
}

/** The command line of a unit; empty where there is no such unit, or no systemd. */
async function commandOf(unit: string): Promise<string[]> {
  try {
    const args = ["show", "--property=ExecStart", "--value", unit];
    const { stdout } = await new Deno.Command("systemctl", { args, stdin: "null", stderr: "null" }).output();
    // { path=/usr/bin/containerd ; argv[]=/usr/bin/containerd --config FILE ; ignore_errors=no ; ... }
    return /argv\[\]=(.*?) ;/.exec(new TextDecoder().decode(stdout))?.[1]?.split(/\s+/) ?? [];
  } catch {
    return [];
  }
}

function configOf(command: readonly string[]): string | undefined {
  const at = command.findIndex((word) => ["--config", "-c"].includes(word));
  return at < 0 ? command.find((word) => word.startsWith("--config="))?.slice(9) : command[at + 1];
}

/** Asks one containerd what it is and how it understands its configuration. */
export async function inspectContainerd(
  unit: string | undefined,
  program: string,
  configFile: string,
): Promise<HostContainerd> {
  const { output } = await askVersion(program);
  const configVersion = await versionOfConfig(configFile);
  const about = { unit, program, version: versionIn(output), configFile, configVersion };
  try {
    const { success, stdout, stderr } = await new Deno.Command(program, {
      args: ["--config", configFile, "config", "dump"],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.timeout(DUMP_TIMEOUT_MS),
    }).output();
    const decoder = new TextDecoder();
    if (!success) {
      return { ...about, merged: undefined, failure: lastLine(decoder.decode(stderr)) };
    }
    return { ...about, merged: parse(decoder.decode(stdout)), failure: undefined };
  } catch (error) {
    return { ...about, merged: undefined, failure: (error as Error).message };
  }
}

const lastLine = (text: string) => text.trim().split("\n").at(-1) ?? "";

async function versionOfConfig(file: string): Promise<number | undefined> {
  try {
    const { version } = parse(await Deno.readTextFile(file));
    return typeof version === "number" ? version : 1;
  } catch {
    // There is none, or one that containerd itself complains of.
    return undefined;
  }
}

/** Whether containerd reads this file, by the patterns of `imports`. */
export function imports({ merged }: Pick<HostContainerd, "merged">, file: string): boolean {
  const patterns = merged?.imports;
  return Array.isArray(patterns) && patterns.some((pattern) => globs(String(pattern)).test(file));
}

/** A pattern of Go's filepath.Glob, but for its classes of characters. */
function globs(pattern: string): RegExp {
  const text = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", "[^/]*").replaceAll("?", "[^/]");
  return new RegExp(`^${text}$`);
}
