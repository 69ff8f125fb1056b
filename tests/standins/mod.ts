import { buildDir } from "../../lib/build/mod.ts";
import { findOnPath } from "../../lib/files/mod.ts";
import { chooseAccel, hostAccelFacts } from "../../drivers/contract/vm/accel.ts";
import { quark } from "./quark/launcher.ts";
import { cloudHypervisor } from "./cloud_hypervisor/launcher.ts";
import { firecracker } from "./firecracker/launcher.ts";
import { writeStandInLauncher } from "./launcher.ts";
import { stratoVirt } from "./stratovirt/launcher.ts";

/** A stand-in for a program that cannot run on every machine that the tests run on. */
export interface StandIn {
  /** The driver that starts the program. */
  driver: string;
  /** The program's key among the tools that a driver's configuration is made from. */
  tool: string;
  /** The program's name in the PATH. */
  command: string;
  /** The variable of the environment that names a real one, which is then used. */
  variable: string;
  /** More tools that the configuration is made from, with the stand-in alone. */
  settings?: Readonly<Record<string, string>>;
  /** Writes the stand-in as one executable file. */
  write(path: string): Promise<void>;
}

/** Every stand-in. */
export const STAND_INS: readonly StandIn[] = [cloudHypervisor, stratoVirt, firecracker, quark];

/** What stands behind a driver in a test. */
export interface ProgramUnderTest {
  path: string;
  /** The tools that a driver's configuration is made from, the program among them. */
  tools: Readonly<Record<string, string>>;
  /** Whether it is ours, a script that keeps the host's root. */
  isStandIn: boolean;
  /** For people: `a stand-in for cloud-hypervisor: this host has no usable KVM because …`. */
  what: string;
}

/**
 * The real program where one is named or where it is installed and KVM is usable, else the stand-in.
 *
 * @returns undefined for a driver whose program needs no stand-in
 */
export async function programUnderTest(driver: string): Promise<ProgramUnderTest | undefined> {
  const standIn = STAND_INS.find((one) => one.driver === driver);
  if (!standIn) return undefined;
  const { tool, command, variable } = standIn;
  const named = Deno.env.get(variable);
  if (named !== undefined) {
    return {
      path: named,
      tools: { [tool]: named },
      isStandIn: false,
      what: `${named}, which ${variable} names`,
    };
  }
  const installed = findOnPath(command);
  const { accel, notes } = chooseAccel("auto", hostAccelFacts());
  if (installed !== undefined && accel === "kvm") {
    return { path: installed, tools: { [tool]: installed }, isStandIn: false, what: installed };
  }
  const reason = installed === undefined ? `${command} is not installed and ${variable} not set` : notes[0];
  const path = await written(command, standIn.write);
  return {
    path,
    tools: { [tool]: path, launcher: await standInLauncher(), ...standIn.settings },
    isStandIn: true,
    what: `a stand-in for ${command}: ${reason}`,
  };
}

/** The path of what starts stand-ins ({@link writeStandInLauncher}). */
export function standInLauncher(): Promise<string> {
  return written("launcher", writeStandInLauncher);
}

/** Writes a program into the build folder. Renamed into place: another test may be about to start the old one. */
async function written(name: string, write: (path: string) => Promise<void>): Promise<string> {
  const path = `${buildDir}/standins/${name}`;
  await Deno.mkdir(`${buildDir}/standins`, { recursive: true });
  const fresh = `${path}.${Deno.pid}`;
  await write(fresh);
  await Deno.rename(fresh, path);
  return path;
}
