import { hostConformance } from "../../drivers/contract/conformance/mod.ts";
import { hostDriver } from "./host_driver.ts";

hostConformance(hostDriver("runc", "crun"));
