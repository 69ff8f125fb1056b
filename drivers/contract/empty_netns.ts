import { closeFd, OPEN, openFd, OWN_NETNS, withNewNetns } from "../../lib/libc/mod.ts";

/**
 * A network namespace with nothing in it, for processes that have all their fds already. It lives as long as
 * this object, or a process in it.
 */
export class EmptyNetns {
  readonly #fd: number;

  /** @throws {KuasarError} PERMISSION_DENIED without CAP_SYS_ADMIN */
  constructor() {
    this.#fd = withNewNetns(() => openFd(OWN_NETNS, OPEN.RDONLY));
  }

  /** A path by which this process may enter it. */
  get path(): string {
    return `/proc/self/fd/${this.#fd}`;
  }

  /** Lets it go. */
  close(): void {
    closeFd(this.#fd);
  }
}
