import { closeFd } from "../../../lib/libc/mod.ts";

/** The first fd that a program inherits besides stdin, stdout and stderr. */
export const FIRST_INHERITED = 3;

/** Descriptors that belong together and are closed together. */
export class DescriptorSet {
  readonly #fds: number[] = [];

  /**
   * Takes a descriptor over.
   *
   * @returns its number in a program that inherits this set
   */
  add(fd: number): number {
    return FIRST_INHERITED + this.#fds.push(fd) - 1;
  }

  /** Takes several over, in order. */
  addAll(fds: readonly number[]): number[] {
    return fds.map((fd) => this.add(fd));
  }

  /** Their numbers in this process, in order. */
  get fds(): readonly number[] {
    return this.#fds;
  }

  /** Closes all. May be repeated. */
  close(): void {
    this.#fds.splice(0).forEach(closeFd);
  }
}
