/** 32 random bytes in hexadecimal. */
const SECRET = /^[0-9a-f]{64}$/;
const LINE = /^SECRET ([0-9a-f]{64})\n$/;

/** Every line has this length, so that a reader need not look for its end and reads nothing of what follows. */
export const SECRET_LINE_BYTES = "SECRET ".length + 64 + 1;

/** True for what may stand in a secret line. */
export function isSecret(text: string): boolean {
  return SECRET.test(text);
}

/**
 * What a connection to a guest begins with where others than its host's root could make one, and how the driver tells the guest
 * what to expect.
 */
export function secretLine(secret: string): string {
  return `SECRET ${secret}\n`;
}

/** The secret of a line; undefined for anything else. */
export function parseSecretLine(line: string): string | undefined {
  return LINE.exec(line)?.[1];
}
