import { conformance } from "../../drivers/contract/conformance/mod.ts";
import { cloudHypervisorDeviceTests } from "./cloud_hypervisor_devices.ts";
import { cloudHypervisorSubject } from "./cloud_hypervisor_subject.ts";
import { builtGuest } from "./qemu_config.ts";

const program = Deno.env.get("CLOUD_HYPERVISOR");
console.log(
  program === undefined
    ? "The Cloud Hypervisor driver is tested with a stand-in: CLOUD_HYPERVISOR names no program"
    : `The Cloud Hypervisor driver is tested with ${program}`,
);

const subject = cloudHypervisorSubject(builtGuest());

conformance(subject);
cloudHypervisorDeviceTests(subject);
