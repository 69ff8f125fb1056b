import { KuasarError } from "../../../lib/errors/mod.ts";

/** A place on a PCI bus where a device can be plugged in. */
export interface Slot {
  bus: string;
  /** Device number as `device_add` takes it, `0x1`. */
  addr: string;
}

/** What sits in a slot: a disk, or a disk whose removal the guest never confirmed. */
interface Occupant {
  serial: string;
  lost: boolean;
}

/**
 * Which disk is in which hot-plug slot. A slot is free again only after the guest has let go of the device: one
 * whose removal was not confirmed is lost until it is.
 */
export class SlotTable {
  readonly #slots: readonly Slot[];
  readonly #occupants = new Map<number, Occupant>();

  constructor(slots: readonly Slot[]) {
    this.#slots = slots;
  }

  /**
   * Takes a free slot for a disk.
   *
   * @throws {KuasarError} RESOURCE_EXHAUSTED where none is free
   */
  take(serial: string): Slot {
    const index = this.#slots.findIndex((_, i) => !this.#occupants.has(i));
    if (index < 0) {
      throw new KuasarError(
        "RESOURCE_EXHAUSTED",
        `Cannot plug in ${serial}: all ${this.#slots.length} hot-plug slots are taken`,
      );
    }
    this.#occupants.set(index, { serial, lost: false });
    return this.#slots[index]!;
  }

  /** Notes a disk that was found in a slot; false where there is no such slot. */
  put(serial: string, slot: Slot): boolean {
    const index = this.#slots.findIndex((s) => s.bus === slot.bus && Number(s.addr) === Number(slot.addr));
    if (index < 0) return false;
    this.#occupants.set(index, { serial, lost: false });
    return true;
  }

  /** True where the disk is in some slot and was not lost on its way out. */
  has(serial: string): boolean {
    return this.#of(serial).some(([, occupant]) => !occupant.lost);
  }

  /** True where the disk is in some slot, or may be. */
  mayHave(serial: string): boolean {
    return this.#of(serial).length > 0;
  }

  /** Notes that the guest was asked to let go of the disk and did not answer. */
  lose(serial: string): void {
    for (const [, occupant] of this.#of(serial)) occupant.lost = true;
  }

  /** Frees the disk's slot. An unknown disk is fine. */
  free(serial: string): void {
    for (const [index] of this.#of(serial)) this.#occupants.delete(index);
  }

  /** How many slots there are. */
  get size(): number {
    return this.#slots.length;
  }

  /** Serials of all disks that are plugged in. */
  serials(): string[] {
    return [...this.#occupants.values()].map((occupant) => occupant.serial);
  }

  #of(serial: string): [number, Occupant][] {
    return [...this.#occupants].filter(([, occupant]) => occupant.serial === serial);
  }
}
