import { type Slot, SlotTable } from "../contract/vm/slots.ts";
import { type HotplugPlan, hotplugSlots, portSlots } from "./launch_plan.ts";

/** The places of one VM for what is plugged in, and what is in them. */
export class Places {
  /** For all that is small: disks, NICs, shares, pmem. */
  readonly small: SlotTable;
  /** PCIe root ports, for VFIO devices; the same as `small` where there is nothing else. */
  readonly ports: SlotTable;

  constructor(plan: HotplugPlan) {
    this.small = new SlotTable(hotplugSlots(plan));
    this.ports = plan.kind === "ports" ? this.small : new SlotTable(portSlots(plan));
  }

  /** Notes what was found in a place; false where there is no such place. */
  put(key: string, slot: Slot): boolean {
    return this.small.put(key, slot) || this.ports.put(key, slot);
  }

  /** Where something is, or may be. */
  of(key: string): SlotTable | undefined {
    return [this.small, this.ports].find((table) => table.mayHave(key));
  }
}
