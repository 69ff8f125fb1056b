import { deepStrictEqual, throws } from "node:assert/strict";
import { parseLibraryList } from "./library_list.ts";

Deno.test("libraries are read from what a loader prints", () => {
  const output = `	linux-vdso.so.1 (0x00007ffe001)
	libdl.so.2 => /lib/x86_64-linux-gnu/libdl.so.2 (0x00007f199f2)
	libc.so.6 => /a b/libc.so.6 (0x00007f199c1)
	/lib64/ld-linux-x86-64.so.2 => /x/ld.so (0x00007f199f28)
	/lib64/ld-linux-x86-64.so.2 (0x00007f199f288000)
`;
  deepStrictEqual(parseLibraryList(output), [
    "/lib/x86_64-linux-gnu/libdl.so.2",
    "/a b/libc.so.6",
    "/x/ld.so",
    "/lib64/ld-linux-x86-64.so.2",
  ]);
});

Deno.test("a library that is missing is named", () => {
  throws(() => parseLibraryList("\tlibz3.so.4 => not found\n"), /libz3\.so\.4/);
});
