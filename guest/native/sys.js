// @ts-self-types="./sys.d.ts"
// Stands in for the built-in module when guest code is loaded under Deno (types and unit tests): it exports nothing.
export {};
