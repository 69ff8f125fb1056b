export { exists } from "./exists.ts";
