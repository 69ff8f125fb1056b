import { conformance } from "../../drivers/contract/conformance/mod.ts";
import { programUnderTest } from "../standins/mod.ts";
import { stratoVirtSubject } from "./stratovirt_subject.ts";

const { what } = (await programUnderTest("stratovirt"))!;
console.log(`The StratoVirt driver is tested with ${what}`);

conformance(stratoVirtSubject());
