import { hostConformance } from "../../drivers/contract/conformance/mod.ts";
import { sandboxProcessConformance } from "../../drivers/contract/conformance/sandbox_process_tests.ts";
import { programUnderTest } from "../standins/mod.ts";
import { freeNetns } from "./free_netns.ts";
import { hostDriver } from "./host_driver.ts";

const { what, tools } = (await programUnderTest("quark"))!;
console.log(`The Quark driver is tested with ${what}`);

const driver = hostDriver("quark", "quark", tools);

hostConformance(driver);
sandboxProcessConformance(driver, freeNetns);
