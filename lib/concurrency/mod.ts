/** What keeps work that runs side by side in order. */
export { KeyedLock } from "./keyed_lock.ts";
