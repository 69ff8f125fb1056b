import { KuasarError } from "../../../lib/errors/mod.ts";
import { closeFd, ioctl, isErrno, OPEN, openFd } from "../../../lib/libc/mod.ts";

const VHOST_VSOCK_SET_GUEST_CID = 0x4008af60;
const FIRST_CID = 3;
const LAST_CID = 0x7fffffff;
const ATTEMPTS = 100;

/**
 * Reserves a CID of the host's kernel vsock. It belongs to whoever holds the fd, so two drivers never get the
 * same one.
 *
 * @returns the CID and the fd of `/dev/vhost-vsock`, which QEMU takes over
 * @throws {KuasarError} RESOURCE_EXHAUSTED where no free one is found
 */
export function reserveCid(): { cid: number; fd: number } {
  const fd = openFd("/dev/vhost-vsock", OPEN.RDWR);
  try {
    for (let i = 0; i < ATTEMPTS; i++) {
      const cid = randomCid();
      try {
        ioctl(
          fd,
          VHOST_VSOCK_SET_GUEST_CID,
          new Uint8Array(new BigUint64Array([BigInt(cid)]).buffer),
          "reserve a CID",
        );
        return { cid, fd };
      } catch (error) {
        if (!isErrno(error, "EADDRINUSE")) throw error;
      }
    }
    throw new KuasarError(
      "RESOURCE_EXHAUSTED",
      `Cannot reserve a CID: ${ATTEMPTS} random ones are all taken`,
    );
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

function randomCid(): number {
  const [random] = crypto.getRandomValues(new Uint32Array(1));
  return FIRST_CID + random! % (LAST_CID - FIRST_CID + 1);
}

/** True where this host gives guests a place on the kernel's vsock. */
export function hasKernelVsock(): boolean {
  try {
    closeFd(openFd("/dev/vhost-vsock", OPEN.RDWR));
    return true;
  } catch {
    return false;
  }
}
