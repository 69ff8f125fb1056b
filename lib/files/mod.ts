export { exists } from "./exists.ts";
export { findOnPath } from "./find_on_path.ts";
export { isFile } from "./is_file.ts";
export { removeIfThere } from "./remove_if_there.ts";
export { replaceFile } from "./replace_file.ts";
export { type PathWatch, watchPath } from "./watch_path.ts";
