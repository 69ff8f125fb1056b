import { DRIVERS } from "../../deploy/drivers.ts";
import { hostContainerds } from "../../deploy/host/containerd.ts";
import { checkContainerds } from "./containerd_check.ts";
import type { Finding } from "./host_facts.ts";
import type { Installation } from "./installation.ts";
import { type Answer, askService, judgeKind, judgeServices } from "./service_check.ts";
import { CORE_UNITS, judgeUnits } from "./unit_check.ts";
import { unitStates } from "./unit_states.ts";

const CORE = ["kuasar-sandboxer", "kuasar-network", "kuasar-storage"];

/** What works of an installation. @param kvm whether KVM can be used */
export async function checkInstallation(installation: Installation, kvm: boolean): Promise<Finding[]> {
  const { services } = installation;
  const unitOf = (name: string) => `kuasar-driver-${name}`;
  const drivers = DRIVERS.filter(({ name }) => unitOf(name) in services);
  const sockets = drivers.map(({ name }) => `${unitOf(name)}.socket`);
  const own = [...CORE_UNITS, ...sockets, ...drivers.map(({ name }) => `${unitOf(name)}.service`)];
  const states = await unitStates(own);
  // One after the other: each is a program with a heap of its own.
  const answers = new Map<string, Answer>();
  for (const unit of [...CORE, ...drivers.map(({ name }) => unitOf(name))]) {
    answers.set(unit, await askService(unit, services[unit]!));
  }
  const core = new Map(CORE.map((unit) => [unit, answers.get(unit)!]));
  return [
    ...judgeUnits(states),
    ...judgeServices(core),
    ...await checkContainerds(await hostContainerds(installation.etcDir), installation, drivers),
    ...drivers.map((driver) =>
      judgeKind({
        driver,
        answer: answers.get(unitOf(driver.name))!,
        storage: answers.get("kuasar-storage")!,
        socket: states?.get(`${unitOf(driver.name)}.socket`),
        kvm,
      })
    ),
  ];
}
