/** Flag of a socket that listens, `__SO_ACCEPTCON` (include/uapi/linux/net.h). */
const LISTENS = 0x10000;

/**
 * True where somebody listens on a unix socket of this network namespace. A connection would tell too, but a daemon that
 * serves one has none left then.
 *
 * @param table the kernel's list of unix sockets
 */
export function isListening(path: string, table = Deno.readTextFileSync("/proc/net/unix")): boolean {
  return table.split("\n").some((line) => {
    // Num RefCount Protocol Flags Type St Inode Path
    const [, flags, name] = /^\S+: \S+ \S+ (\S+) \S+ \S+ +\S+ (.+)$/.exec(line) ?? [];
    return name === path && (parseInt(flags!, 16) & LISTENS) !== 0;
  });
}
