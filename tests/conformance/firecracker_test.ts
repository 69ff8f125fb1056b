import { conformance } from "../../drivers/contract/conformance/mod.ts";
import { programUnderTest } from "../standins/mod.ts";
import { firecrackerDeviceTests } from "./firecracker_devices.ts";
import { withoutPlugTests } from "./plug_tests.ts";
import { snapshotTests } from "./snapshot_tests.ts";
import { firecrackerSubject } from "./firecracker_subject.ts";

const { what } = (await programUnderTest("firecracker"))!;
console.log(`The Firecracker driver is tested with ${what}`);

const subject = firecrackerSubject();

conformance(subject);
firecrackerDeviceTests(subject);
snapshotTests(subject, false);
withoutPlugTests(subject, ["vfio", "pmem", "nic", "share"]);
