import { conformance, deviceTests, testsOf } from "../../drivers/contract/conformance/mod.ts";
import { programUnderTest } from "../standins/mod.ts";
import { nicTests } from "./nic_tests.ts";
import { nicPlugTests, withoutPlugTests } from "./plug_tests.ts";
import { stratoVirtDeviceTests, stratoVirtFaultTests } from "./stratovirt_devices.ts";
import { stratoVirtSubject } from "./stratovirt_subject.ts";
import { unplugTests } from "./unplug_tests.ts";

const { what } = (await programUnderTest("stratovirt"))!;
console.log(`The StratoVirt driver is tested with ${what}`);

const microvm = stratoVirtSubject("microvm");
conformance(microvm);
stratoVirtDeviceTests(microvm);
nicTests(microvm, 1);
stratoVirtFaultTests();
withoutPlugTests(microvm, ["vfio", "pmem", "nic", "share"]);

// The machines differ in their devices.
const q35 = stratoVirtSubject("q35");
deviceTests(testsOf(q35), q35);
nicTests(q35);
unplugTests(q35);
nicPlugTests(q35, { anything: true, silent: true });
withoutPlugTests(q35, ["pmem", "share"]);
