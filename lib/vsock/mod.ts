/** What both ends of a guest's vsock agree on. */
export { isSame } from "./is_same.ts";
export { isSecret, parseSecretLine, SECRET_LINE_BYTES, secretLine } from "./secret_line.ts";

/** No answer of an agent is longer: the longest name every process of a container. */
export const MAX_ANSWER_BYTES = 256 << 10;

/** The host, to every guest: of the kernel's vsock and of a hybrid one alike. */
export const HOST_CID = 2;
