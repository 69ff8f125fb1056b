import { conformance } from "../../drivers/contract/conformance/mod.ts";
import { builtGuest } from "./qemu_config.ts";
import { qemuDeviceTests } from "./qemu_devices.ts";
import { qemuSubject } from "./qemu_subject.ts";

const subject = qemuSubject(builtGuest());

conformance(subject);
qemuDeviceTests(subject);
