/** System calls by FFI, with errno as typed errors. */
export { check, checkRetry } from "./check.ts";
export { type ReceivedDescriptors, receiveDescriptors, sendDescriptors } from "./descriptors.ts";
export { ERRNO, Errno, type ErrnoName, errnoName, isErrno } from "./errno.ts";
export {
  EPOLL,
  epollAdd,
  epollCreate,
  epollRemove,
  epollWait,
  eventFd,
  eventFdSignal,
  pollFd,
} from "./epoll.ts";
export { FdWatcher, fdWatcher } from "./fd_watcher.ts";
export {
  changeOwner,
  closeFd,
  deviceNumber,
  duplicateFd,
  FILE_TYPE,
  type FileSystemStat,
  FS_MAGIC,
  ioctl,
  ioctlValue,
  makeNode,
  OPEN,
  openFd,
  pipe,
  punchHole,
  readFd,
  setCloseOnExec,
  setNonblocking,
  statFileSystem,
  withFd,
  writeFd,
} from "./files.ts";
export { landlockVersion } from "./landlock.ts";
export { lastErrno, libc } from "./library.ts";
export { addressOf, type Bytes, cString } from "./memory.ts";
export { mount, type MountArguments, MS, UMOUNT, unmount } from "./mounts.ts";
export {
  CLONE,
  OWN_NETNS,
  ownNamespace,
  pinNewNetns,
  type ThreadNamespace,
  unpinNetns,
  withMountNamespace,
  withNetns,
  withNewNamespaces,
  withNewNetns,
  withNewPidNamespace,
} from "./namespaces.ts";
export { pidfdExitStatus, pidfdOpen, pidfdSendSignal, SIGNAL } from "./processes.ts";
export {
  acceptSocket,
  AF,
  bindSocket,
  listenUnixFd,
  openSocket,
  type PeerCredentials,
  peerCredentials,
  receiveBytes,
  sendBytes,
  sendTo,
  setReceiveTimeout,
  SOCK,
  socketPair,
  unixAddress,
} from "./sockets.ts";
export { findInterface, keepTap, openTapQueue } from "./tap.ts";
