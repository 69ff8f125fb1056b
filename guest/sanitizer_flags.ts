import { sysroot } from "./build.ts";

/** Links a program with the address and undefined-behaviour sanitizers, which need a dynamic libc. */
export async function sanitizerFlags(): Promise<readonly string[]> {
  const libraries = `${await sysroot()}/usr/lib/x86_64-linux-gnu`;
  return [
    "-O1",
    "-g",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-fno-omit-frame-pointer",
    "-static-libasan",
    "-static-libubsan",
    // The sysroot's libc may be newer than the host's.
    `-Wl,--dynamic-linker=${libraries}/ld-linux-x86-64.so.2`,
    `-Wl,-rpath,${libraries}`,
  ];
}
