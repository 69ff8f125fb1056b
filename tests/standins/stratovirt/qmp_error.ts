/** What the monitor answers instead of a value. */
export class QmpError extends Error {
  readonly className: string;

  constructor(message: string, className = "GenericError") {
    super(message);
    this.className = className;
  }
}
