import { conformance } from "../../drivers/contract/conformance/mod.ts";
import { nicTests } from "./nic_tests.ts";
import { qemuDeviceTests } from "./qemu_devices.ts";
import { qemuSubject } from "./qemu_subject.ts";
import { diskLockTests } from "./disk_lock_tests.ts";
import { plugTests } from "./plug_tests.ts";
import { pmemTests } from "./pmem_tests.ts";
import { ROOM, sizeTests } from "./size_tests.ts";
import { unplugTests } from "./unplug_tests.ts";

const subject = qemuSubject();

conformance(subject);
qemuDeviceTests(subject);
nicTests(subject);
unplugTests(subject);
diskLockTests(subject);
plugTests(subject, { anything: true });
pmemTests(qemuSubject({ pmem_hotplug_mb: 128, pcie_root_ports: 1 }), false);
sizeTests(qemuSubject({ default_max_vcpus: ROOM.vcpus, memory_hotplug_mb: ROOM.memoryMib }));
