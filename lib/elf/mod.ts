export { type Libraries, librariesOf } from "./libraries.ts";
