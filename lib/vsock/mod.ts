/** What both ends of a guest's vsock agree on. */
export { isSame } from "./is_same.ts";
export { isSecret, parseSecretLine, SECRET_LINE_BYTES, secretLine } from "./secret_line.ts";

/** The host, to every guest: of the kernel's vsock and of a hybrid one alike. */
export const HOST_CID = 2;
