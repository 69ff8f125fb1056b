import { buildDir } from "../../lib/build/mod.ts";

/** How often it is tried: the other end may be finding out whether its address is its own. */
const ATTEMPTS = 20;

/** Sends a packet to an address and waits for the answer. @throws Error when none comes */
export async function ping(netns: string, args: readonly string[]): Promise<void> {
  const enter = [`--net=${netns}`, `${buildDir}/host/bin/busybox`, "ping", "-c", "1", "-W", "2", ...args];
  let said = "";
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { success, stdout, stderr } = await new Deno.Command("nsenter", { args: enter }).output();
    if (success) return;
    said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error(`ping ${args.join(" ")}: ${said}`);
}
