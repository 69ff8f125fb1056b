import { fileURLToPath } from "node:url";

/** The root of the checkout, without a slash at its end. */
export const root: string = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** Where everything that is built or downloaded lands. */
export const buildDir = `${root}/build`;
