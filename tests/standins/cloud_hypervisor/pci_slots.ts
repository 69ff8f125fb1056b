import { ApiError } from "./api_error.ts";

/** Places for devices on PCI segment 0; the host bridge has place 0. */
const PLACES = 31;

/** Which device has which place, as `vm.info` and `vm.add-*` tell it. */
export class PciSlots {
  readonly #taken = new Map<number, string>();

  /**
   * Gives a device the first free place.
   *
   * @returns its address in the guest, `0000:00:06.0`
   * @throws {ApiError} 500 where none is free
   */
  take(id: string): string {
    for (let place = 1; place <= PLACES; place++) {
      if (this.#taken.has(place)) continue;
      this.#taken.set(place, id);
      return address(place);
    }
    throw new ApiError(500, "Error from API", "DeviceManager", "no free PCI slot");
  }

  /** Frees a device's place. */
  free(id: string): void {
    for (const [place, owner] of this.#taken) if (owner === id) this.#taken.delete(place);
  }

  /** Ids and addresses. */
  entries(): [id: string, bdf: string][] {
    return [...this.#taken].map(([place, id]) => [id, address(place)]);
  }

  clear(): void {
    this.#taken.clear();
  }
}

function address(place: number): string {
  return `0000:00:${place.toString(16).padStart(2, "0")}.0`;
}
