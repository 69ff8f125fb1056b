/** A generated message type: what the helpers below need of it. */
export interface MessageType<T> {
  decode(input: Uint8Array): T;
}

/**
 * Returns a message with every field at its default, and `fields` over it.
 *
 * The generated types have no partial form; an empty encoding decodes to the defaults.
 */
export function message<T>(type: MessageType<T>, fields: Partial<T> = {}): T {
  return { ...type.decode(new Uint8Array()), ...fields };
}
