import { asKuasarError } from "../../lib/errors/mod.ts";
import { sleep } from "../runtime/deadline.ts";
import type { SandboxLink } from "./sandbox_link.ts";

/** A sandbox that is killed closes its sockets before its end is known. */
const DEATH_MS = 5_000;

/** Whether a sandbox to which a call has failed is gone, or about to be. */
export async function hasEnded({ dead, died }: SandboxLink, failure: unknown): Promise<boolean> {
  if (dead) return true;
  if (asKuasarError(failure).code !== "UNAVAILABLE") return false;
  return await Promise.race([died.then(() => true), sleep(DEATH_MS).then(() => false)]);
}
