/** The version of every program of this repository. */
export const VERSION = "0.1.0";
