/** What gVisor's driver and kuasar-task must agree on. */
export { CONTAINERS_FILE, RESTORE_ANNOTATION } from "./checkpoint.ts";
export { endMarked } from "./container_id.ts";
export { type Followed, followedIn, followedText, LIMITS_ANNOTATION } from "./followed_limits.ts";
