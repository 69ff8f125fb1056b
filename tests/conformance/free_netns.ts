import { EmptyNetns } from "../../drivers/contract/empty_netns.ts";

const made: EmptyNetns[] = [];

/** A network namespace with nothing in it, for one sandbox; it is there as long as this process. */
export function freeNetns(): string {
  const netns = new EmptyNetns();
  made.push(netns);
  return netns.path.replace("self", String(Deno.pid));
}
