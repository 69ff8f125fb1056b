import { KuasarError } from "../errors/mod.ts";
import { checkRetry } from "./check.ts";
import { closeFd } from "./files.ts";
import { libc } from "./library.ts";
import { addressOf, type Bytes } from "./memory.ts";

const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const MSG_CTRUNC = 8;
/** sizeof(struct cmsghdr) on 64-bit Linux; data that follows is aligned to 8 bytes. */
const HEADER_SIZE = 16;
/** SCM_MAX_FD of the kernel. */
const MAX_FDS = 253;

/**
 * Sends bytes and file descriptors over a unix socket (SCM_RIGHTS). The caller keeps and closes its own copies.
 *
 * @param bytes at least one byte, descriptors alone do not travel
 * @returns how many bytes were taken; the descriptors go with the first one
 * @throws {Errno}
 */
export function sendDescriptors(socket: number, bytes: Bytes, fds: readonly number[]): number {
  if (bytes.length === 0 || fds.length > MAX_FDS) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot send ${fds.length} descriptors with ${bytes.length} bytes: at least 1 byte, at most ${MAX_FDS} descriptors`,
    );
  }
  const control = new Uint8Array(HEADER_SIZE + align(fds.length * 4));
  const view = new DataView(control.buffer);
  view.setBigUint64(0, BigInt(HEADER_SIZE + fds.length * 4), true);
  view.setInt32(8, SOL_SOCKET, true);
  view.setInt32(12, SCM_RIGHTS, true);
  fds.forEach((fd, index) => view.setInt32(HEADER_SIZE + index * 4, fd, true));
  const parts = messageHeader(bytes, fds.length > 0 ? control : undefined);
  return checkRetry(() => libc().sendmsg(socket, parts.header, MSG_NOSIGNAL), "send descriptors");
}

/** What {@link receiveDescriptors} got. */
export interface ReceivedDescriptors {
  /** 0 when the peer has closed. */
  length: number;
  /** With O_CLOEXEC; now the caller's. */
  fds: number[];
}

/**
 * Receives bytes and descriptors from a unix socket.
 *
 * @param maxFds more descriptors than this are closed by the kernel and lead to an error
 * @throws {Errno} EAGAIN without data on a nonblocking socket
 */
export function receiveDescriptors(socket: number, bytes: Bytes, maxFds: number): ReceivedDescriptors {
  const control = new Uint8Array(HEADER_SIZE + align(Math.min(maxFds, MAX_FDS) * 4));
  const parts = messageHeader(bytes, control);
  const length = checkRetry(
    () => libc().recvmsg(socket, parts.header, MSG_CMSG_CLOEXEC),
    "receive descriptors",
  );
  const header = new DataView(parts.header.buffer);
  const controlLength = Number(header.getBigUint64(40, true));
  const fds = descriptorsIn(new DataView(control.buffer, 0, Math.min(controlLength, control.length)));
  if (header.getInt32(48, true) & MSG_CTRUNC) {
    fds.forEach(closeFd);
    throw new KuasarError("RESOURCE_EXHAUSTED", `Cannot receive descriptors: more than ${maxFds} were sent`);
  }
  return { length, fds };
}

function descriptorsIn(control: DataView): number[] {
  const fds: number[] = [];
  for (let at = 0; at + HEADER_SIZE <= control.byteLength;) {
    const length = Number(control.getBigUint64(at, true));
    if (length < HEADER_SIZE || at + length > control.byteLength) break;
    if (control.getInt32(at + 8, true) === SOL_SOCKET && control.getInt32(at + 12, true) === SCM_RIGHTS) {
      for (let fd = at + HEADER_SIZE; fd + 4 <= at + length; fd += 4) fds.push(control.getInt32(fd, true));
    }
    at += align(length);
  }
  return fds;
}

/** struct msghdr with one struct iovec; all parts are returned, so that none is collected too early. */
function messageHeader(bytes: Bytes, control: Bytes | undefined) {
  const vector = new Uint8Array(16);
  const vectorView = new DataView(vector.buffer);
  vectorView.setBigUint64(0, addressOf(bytes), true);
  vectorView.setBigUint64(8, BigInt(bytes.length), true);
  const header = new Uint8Array(56);
  const view = new DataView(header.buffer);
  view.setBigUint64(16, addressOf(vector), true);
  view.setBigUint64(24, 1n, true);
  if (control !== undefined) {
    view.setBigUint64(32, addressOf(control), true);
    view.setBigUint64(40, BigInt(control.length), true);
  }
  return { header, vector, bytes, control };
}

function align(length: number): number {
  return (length + 7) & ~7;
}
