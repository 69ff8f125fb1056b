export { exists } from "./exists.ts";
export { isFile } from "./is_file.ts";
