import { createHash } from "node:crypto";
import { changeOwner } from "../../../lib/libc/mod.ts";

/**
 * The first of the users that no system gives to anybody: those from 0x70000000 up to 0x7fffffff
 * (https://systemd.io/UIDS-GIDS).
 */
const FIRST_USER = 0x7000_0000;
const USERS = 0x1000_0000;

/**
 * A user that no other sandbox's processes run as: the same for the same sandbox, unless that one is taken.
 *
 * @param taken those of other sandboxes
 */
export function userFor(sandboxId: string, taken: ReadonlySet<number>): number {
  let at = createHash("sha256").update(sandboxId).digest().readUInt32BE() % USERS;
  while (taken.has(FIRST_USER + at)) at = (at + 1) % USERS;
  return FIRST_USER + at;
}

/** Gives a file to a user and the user's own group; of a symbolic link the link. @throws {Errno} */
export function ownedBy(user: number, path: string): void {
  changeOwner(path, user, user);
}
