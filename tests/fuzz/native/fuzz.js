// @ts-self-types="./fuzz.d.ts"
// Stands in for the built-in module where the targets are loaded under Deno: it exports nothing.
export {};
