import * as sys from "../native/sys.js";
import { log } from "../runtime/log.ts";

/** Where programs are looked for, ours and those of the debug console. */
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** Open files of the agent and, by inheritance, of crun: some for each stream of each container. */
const MAX_OPEN_FILES = 1 << 20;

/** Of `setrlimit`. */
const UNLIMITED = -1;
/** Signals with a value that may wait for a user's processes. */
const MAX_PENDING_SIGNALS = 1 << 16;

/**
 * What the kernel derives from the memory that there is, and a container would find out by failures that a host with its usual
 * memory never has: at least so much.
 */
const LEAST: Readonly<Record<string, number>> = {
  "kernel/threads-max": 1 << 16,
  "fs/file-max": 1 << 20,
  "fs/inotify/max_user_watches": 1 << 19,
  "fs/epoll/max_user_watches": 1 << 20,
};

/** Kernel settings of a guest, with why. */
const SYSCTLS: Readonly<Record<string, string>> = {
  // Containers bring their own limits; memory of the guest is limited by the VM.
  "vm/overcommit_memory": "1",
  // Plenty of small containers watch files.
  "fs/inotify/max_user_instances": "8192",
  // A stuck guest should end, so that the host notices.
  "kernel/panic": "1",
  // What containers have no need to know of the kernel, and of each other.
  "kernel/dmesg_restrict": "1",
  // Much code that few programs need and many attacks have used. Privileged containers (CAP_SYS_ADMIN) have it.
  "kernel/io_uring_disabled": "1",
  // Faults of the kernel itself wait for no container without CAP_SYS_PTRACE; a program's own faults are its own matter.
  "vm/unprivileged_userfaultfd": "0",
};

/**
 * Environment, limits and kernel settings; what the kernel does not know is skipped.
 *
 * @param given settings that the host has made on the kernel's command line, as in `/proc/sys`; they stay
 */
export function applySettings(given: ReadonlySet<string>): void {
  sys.setenv("PATH", PATH);
  sys.setenv("XDG_RUNTIME_DIR", "/run");
  sys.umask(0o022);
  sys.setrlimit(sys.RLIMIT.NOFILE, MAX_OPEN_FILES, MAX_OPEN_FILES);
  // A host's service manager sets none for containerd, and from it containers inherit theirs.
  sys.setrlimit(sys.RLIMIT.NPROC, UNLIMITED, UNLIMITED);
  sys.setrlimit(sys.RLIMIT.SIGPENDING, MAX_PENDING_SIGNALS, MAX_PENDING_SIGNALS);
  for (const [name, value] of Object.entries(SYSCTLS)) {
    if (!given.has(name)) set(name, () => value);
  }
  for (const [name, least] of Object.entries(LEAST)) {
    if (!given.has(name)) set(name, (now) => (Number(now) < least ? String(least) : undefined));
  }
}

/** @param value from the present one; undefined leaves it */
function set(name: string, value: (now: string) => string | undefined): void {
  const path = `/proc/sys/${name}`;
  try {
    const wanted = value(sys.readTextFile(path).trim());
    if (wanted !== undefined) sys.writeFile(path, wanted, 0, sys.O.WRONLY);
  } catch (error) {
    log.debug("kernel setting is not there", { name, error });
  }
}
