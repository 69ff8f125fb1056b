import { root } from "../root.ts";

/**
 * Writes what starts a stand-in in the place of our agent (`launcher_path`): jailed as the real program is, but for the
 * capabilities of the QEMU beneath it, which serves the files of its guest by itself and finds its own taps, and its root.
 *
 * @param path where the program is written
 */
export async function writeStandInLauncher(path: string): Promise<void> {
  const script = `#!/bin/sh
for word; do
  shift
  case $word in
    # It is a script, and the runtime of that looks for its files all over the host.
    root=* | read=* | write=* | device=* | tree=* | until=* | cwd=*) continue ;;
    caps=*) word=caps=chown,dac_override,fowner,fsetid,setgid,setuid,mknod,setfcap,net_admin ;;
  esac
  set -- "$@" "$word"
done
exec ${root}/build/guest/agent "$@"
`;
  await Deno.writeTextFile(path, script, { mode: 0o700 });
}
