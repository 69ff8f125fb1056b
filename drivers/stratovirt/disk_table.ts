import { replaceFile } from "../../lib/files/mod.ts";
import { MMIO_BUS } from "./launch_plan.ts";
import { type Slot, SlotTable } from "../contract/vm/slots.ts";

/** What the file holds. */
interface Saved {
  slots: Slot[];
  disks: { serial: string; slot: Slot }[];
}

/**
 * The places of a VM's disks, and of what else is plugged in, kept in a file below the sandbox's directory: StratoVirt cannot be asked what is plugged in
 * (`query-block` and `qom-list` are stubs). The file is written before a disk is plugged in and after it is out, so that a
 * driver that comes back knows of every disk that may be there.
 */
export class DiskTable {
  readonly #path: string;
  readonly #all: readonly Slot[];
  readonly #slots: SlotTable;
  readonly #disks = new Map<string, Slot>();

  private constructor(path: string, slots: readonly Slot[]) {
    this.#path = path;
    this.#all = slots;
    this.#slots = new SlotTable(slots);
  }

  /** The table of a VM that is about to start. */
  static create(path: string, slots: readonly Slot[]): DiskTable {
    const table = new DiskTable(path, slots);
    table.#save();
    return table;
  }

  /** The table of a VM that an earlier process has started. @throws where the file cannot be read */
  static load(path: string): DiskTable {
    const { slots, disks } = JSON.parse(Deno.readTextFileSync(path)) as Saved;
    const table = new DiskTable(path, slots);
    for (const { serial, slot } of disks) {
      if (table.#slots.put(serial, slot)) table.#disks.set(serial, slot);
    }
    return table;
  }

  /** True where the places are root ports, which take other devices too. */
  get onPorts(): boolean {
    return this.#all.every(({ bus }) => bus !== MMIO_BUS);
  }

  /** True where the disk is in some place and was not lost on its way out. */
  has(serial: string): boolean {
    return this.#slots.has(serial);
  }

  /** The place in which the disk is, or may be. */
  slotOf(serial: string): Slot | undefined {
    return this.#disks.get(serial);
  }

  /** Takes a place for a disk. @throws {KuasarError} RESOURCE_EXHAUSTED where none is free */
  take(serial: string): Slot {
    const slot = this.#slots.take(serial);
    this.#disks.set(serial, slot);
    this.#save();
    return slot;
  }

  /** Notes that the guest was asked to let go of the disk and did not answer. */
  lose(serial: string): void {
    this.#slots.lose(serial);
  }

  /** Frees the disk's place. */
  free(serial: string): void {
    this.#slots.free(serial);
    this.#disks.delete(serial);
    this.#save();
  }

  #save(): void {
    const saved: Saved = {
      slots: [...this.#all],
      disks: [...this.#disks].map(([serial, slot]) => ({ serial, slot })),
    };
    replaceFile(this.#path, JSON.stringify(saved), 0o600);
  }
}
