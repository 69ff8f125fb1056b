import { KuasarError } from "../errors/mod.ts";
import { check, checkRetry } from "./check.ts";
import { isErrno } from "./errno.ts";
import { closeFd } from "./files.ts";
import { libc } from "./library.ts";
import { type Bytes } from "./memory.ts";

/** Address families. */
export const AF = { UNIX: 1, INET: 2, INET6: 10, NETLINK: 16, PACKET: 17, VSOCK: 40 } as const;
/** Socket types. */
export const SOCK = { STREAM: 1, DGRAM: 2, RAW: 3, SEQPACKET: 5 } as const;

const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const SO_RCVTIMEO = 20;

/** The longest path that fits a unix socket address. */
const UNIX_PATH_MAX = 107;

/** Opens a socket, always with SOCK_CLOEXEC. @throws {Errno} */
export function openSocket(
  family: number,
  type: number,
  protocol = 0,
  options: { nonblocking?: boolean } = {},
): number {
  const flags = SOCK_CLOEXEC | (options.nonblocking ? SOCK_NONBLOCK : 0);
  return check(libc().socket(family, type | flags, protocol), `open a socket of family ${family}`);
}

/**
 * A unix socket address; a path that starts with NUL or `@` is abstract.
 *
 * @throws {KuasarError} INVALID_ARGUMENT when the path is too long
 */
export function unixAddress(path: string): Bytes {
  const abstract = path.startsWith("@") || path.startsWith("\0");
  const name = new TextEncoder().encode(abstract ? "\0" + path.slice(1) : path);
  if (name.length === 0 || name.length > UNIX_PATH_MAX) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot use the socket path ${path}: it has ${name.length} bytes, at most ${UNIX_PATH_MAX} fit`,
    );
  }
  const bytes = new Uint8Array(2 + name.length + (abstract ? 0 : 1));
  new DataView(bytes.buffer).setUint16(0, AF.UNIX, true);
  bytes.set(name, 2);
  return bytes;
}

/** Binds a socket. @throws {Errno} */
export function bindSocket(fd: number, address: Bytes): void {
  check(libc().bind(fd, address, address.length), "bind a socket");
}

/** Connects a socket, blocking unless the socket is nonblocking. @throws {Errno} EINPROGRESS when nonblocking */
function connectSocket(fd: number, address: Bytes): void {
  check(libc().connect(fd, address, address.length), "connect a socket");
}

/** Makes a socket listen. @throws {Errno} */
function listenSocket(fd: number, backlog = 128): void {
  check(libc().listen(fd, backlog), "listen on a socket");
}

/** Accepts a connection, with SOCK_CLOEXEC. @throws {Errno} EAGAIN on a nonblocking socket without a peer */
export function acceptSocket(fd: number, options: { nonblocking?: boolean } = {}): number {
  const flags = SOCK_CLOEXEC | (options.nonblocking ? SOCK_NONBLOCK : 0);
  return checkRetry(() => libc().accept4(fd, null, null, flags), "accept a connection");
}

/** Two connected unix sockets. @throws {Errno} */
export function socketPair(type: number = SOCK.STREAM): [number, number] {
  const fds = new Int32Array(2);
  check(libc().socketpair(AF.UNIX, type | SOCK_CLOEXEC, 0, fds), "make a socket pair");
  return [fds[0]!, fds[1]!];
}

/** Makes blocking receives on a socket fail with EAGAIN after a time. @throws {Errno} */
export function setReceiveTimeout(fd: number, timeoutMs: number): void {
  const time = new BigInt64Array([
    BigInt(Math.trunc(timeoutMs / 1000)),
    BigInt(Math.trunc(timeoutMs % 1000) * 1000),
  ]);
  check(libc().setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, time, time.byteLength), "set a receive timeout");
}

/** Sends bytes on a connected socket, without SIGPIPE; returns how many were taken. @throws {Errno} */
export function sendBytes(fd: number, bytes: Bytes): number {
  const MSG_NOSIGNAL = 0x4000;
  return checkRetry(() => libc().send(fd, bytes, BigInt(bytes.length), MSG_NOSIGNAL), "send on a socket");
}

/** Sends one datagram to an address. @throws {Errno} */
export function sendTo(fd: number, bytes: Bytes, address: Bytes): number {
  const MSG_NOSIGNAL = 0x4000;
  return checkRetry(
    () => libc().sendto(fd, bytes, BigInt(bytes.length), MSG_NOSIGNAL, address, address.length),
    "send a datagram",
  );
}

/**
 * Receives into a buffer.
 *
 * @param flags MSG_* bits; with MSG_TRUNC (0x20) the true length of a datagram is returned
 * @throws {Errno} EAGAIN without data
 */
export function receiveBytes(fd: number, bytes: Bytes, flags = 0): number {
  return checkRetry(() => libc().recv(fd, bytes, BigInt(bytes.length), flags), "receive from a socket");
}

/** Who is at the other end of a unix socket, as the kernel noted it when the peer connected. */
export interface PeerCredentials {
  pid: number;
  uid: number;
  gid: number;
}

/** Asks for the peer of a connected unix socket. @throws {Errno} */
export function peerCredentials(fd: number): PeerCredentials {
  const credentials = new Uint32Array(3);
  check(
    libc().getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, new Uint32Array([12])),
    "ask for the credentials of a peer",
  );
  return { pid: credentials[0]!, uid: credentials[1]!, gid: credentials[2]! };
}

/**
 * Makes a listening unix socket whose file has `mode` before anybody can connect. A socket file that nobody
 * listens on (what a killed process leaves) is replaced.
 *
 * @returns the listening descriptor; the caller removes the file when done
 * @throws {KuasarError} FAILED_PRECONDITION when another process serves there
 * @throws {Errno}
 */
export function listenUnixFd(path: string, mode = 0o600): number {
  const abstract = path.startsWith("@");
  if (!abstract) removeStaleSocket(path);
  const fd = openSocket(AF.UNIX, SOCK.STREAM);
  try {
    bindSocket(fd, unixAddress(path));
    // connect(2) is refused until listen(2), so nobody gets in between.
    if (!abstract) Deno.chmodSync(path, mode);
    listenSocket(fd);
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

function removeStaleSocket(path: string): void {
  const probe = openSocket(AF.UNIX, SOCK.STREAM, 0, { nonblocking: true });
  try {
    connectSocket(probe, unixAddress(path));
  } catch (error) {
    if (isErrno(error, "ENOENT")) return;
    if (isErrno(error, "ECONNREFUSED") && Deno.lstatSync(path).isSocket) return Deno.removeSync(path);
    if (!isErrno(error, "EAGAIN")) throw error;
  } finally {
    closeFd(probe);
  }
  throw new KuasarError("FAILED_PRECONDITION", `Cannot listen on ${path}: another process serves there`);
}
