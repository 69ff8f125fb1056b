/** A refusal as the API tells it: 400 with `{"fault_message": "…"}`. */
export class Fault extends Error {}

/** A refusal after which the process ends, because what it has done so far cannot be undone. */
export class Unrecoverable extends Fault {}

/** What the real program accepts and a driver of ours must never do; the test that did it fails with these words. */
export function strictness(message: string): Fault {
  return new Fault(`Stand-in: ${message}`);
}

/** An operation that comes too late. */
export function afterStart(): Fault {
  return new Fault("The requested operation is not supported after starting the microVM.");
}

/** An operation that comes too early. */
export function beforeStart(): Fault {
  return new Fault("The requested operation is not supported before starting the microVM.");
}
