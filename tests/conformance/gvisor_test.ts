import { hostConformance } from "../../drivers/contract/conformance/mod.ts";
import { sandboxProcessConformance } from "../../drivers/contract/conformance/sandbox_process_tests.ts";
import { freeNetns } from "./free_netns.ts";
import { hostDriver } from "./host_driver.ts";

const driver = hostDriver("gvisor", "runsc");

hostConformance(driver);
sandboxProcessConformance(driver, freeNetns);
