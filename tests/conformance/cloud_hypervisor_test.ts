import { conformance } from "../../drivers/contract/conformance/mod.ts";
import { programUnderTest } from "../standins/mod.ts";
import { nicTests } from "./nic_tests.ts";
import { cloudHypervisorDeviceTests, cloudHypervisorVcpuTests } from "./cloud_hypervisor_devices.ts";
import { cloudHypervisorSubject } from "./cloud_hypervisor_subject.ts";
import { cloudHypervisorVersionTests } from "./cloud_hypervisor_versions.ts";
import { diskLockTests } from "./disk_lock_tests.ts";
import { plugTests } from "./plug_tests.ts";
import { IMAGE, pmemRootTests, pmemTests } from "./pmem_tests.ts";
import { ROOM, sizeTests } from "./size_tests.ts";
import { snapshotTests } from "./snapshot_tests.ts";
import { unplugTests } from "./unplug_tests.ts";

const { what } = (await programUnderTest("cloud-hypervisor"))!;
console.log(`The Cloud Hypervisor driver is tested with ${what}`);

const subject = cloudHypervisorSubject();

conformance(subject);
cloudHypervisorDeviceTests(subject);
nicTests(subject);
unplugTests(subject);
diskLockTests(subject);
plugTests(subject);
pmemTests(subject, true);
pmemRootTests({
  ...cloudHypervisorSubject({ image_path: IMAGE, initrd_path: "", image_device: "pmem" }),
  title: "cloud-hypervisor with a root on pmem",
});
snapshotTests(subject);
cloudHypervisorVersionTests();
const roomy = cloudHypervisorSubject({ max_vcpus: ROOM.vcpus, memory_hotplug_mb: ROOM.memoryMib });
sizeTests(roomy);
cloudHypervisorVcpuTests(roomy);
